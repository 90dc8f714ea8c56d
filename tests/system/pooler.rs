//! A real PgBouncer between a service and its database. Where it is not installed the tests say so and try nothing.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use minuet_tests::{Folder, World, assert_books_balance, until};
use sqlx::Executor as _;

use crate::chaos::shop::free_port;

struct Pooler {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("PgBouncer could not be ended: {error}");
        }
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(self.folder.join("log")).unwrap_or_default());
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("the folder of PgBouncer stays: {error}");
        }
    }
}

fn program() -> Option<&'static Path> {
    let found = ["/usr/sbin/pgbouncer", "/usr/local/sbin/pgbouncer", "/usr/bin/pgbouncer"].map(Path::new);
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("NOT TRIED: PgBouncer is not installed (apt-get install pgbouncer)");
    }
    found
}

impl Pooler {
    /// In front of the server of this URL: `postgres://user:password@host:port/database`.
    async fn start(program: &Path, url: &str, settings: &str) -> Pooler {
        let (user, rest) = url.strip_prefix("postgres://").unwrap().split_once(':').unwrap();
        let (password, rest) = rest.split_once('@').unwrap();
        let server = rest.rsplit(':').next().unwrap().split('/').next().unwrap();
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("minuet-pooler-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let file = |name: &str| folder.join(name);
        std::fs::write(file("users"), format!("\"{user}\" \"{password}\"\n")).unwrap();
        let (users, log) = (file("users"), file("log"));
        std::fs::write(
            file("ini"),
            format!(
                "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = trust\nauth_file = {}\nlogfile = {}\n{settings}\n",
                users.display(),
                log.display()
            ),
        )
        .unwrap();
        std::fs::write(&log, "").unwrap();
        for (name, mode) in [("", 0o755), ("users", 0o644), ("ini", 0o644), ("log", 0o666)] {
            std::fs::set_permissions(file(name), Permissions::from_mode(mode)).unwrap();
        }
        let mut command = Command::new(program);
        // It does not run as root.
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| {
            use std::os::unix::fs::MetadataExt as _;
            own.uid() == 0
        });
        if is_root {
            command.args(["-u", "postgres"]);
        }
        let child =
            command.arg("-q").arg(file("ini")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pooler = Pooler { child, port, folder };
        until("PgBouncer listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|e| e.to_string())
        })
        .await;
        pooler
    }

    fn url(&self, direct: &str) -> String {
        let (before, after) = direct.rsplit_once(':').unwrap();
        format!("{before}:{}/{}", self.port, after.split_once('/').unwrap().1)
    }
}

/// It passes no option on: the settings of a session are there all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_of_sessions_changes_nothing() {
    let Some(program) = program() else { return };
    let mut world = World::new().await;
    let direct = world.settings("order").database_url;
    for ignored in ["extra_float_digits", "extra_float_digits, options"] {
        let settings = format!("pool_mode = session\nignore_startup_parameters = {ignored}");
        let pooler = Pooler::start(program, &direct, &settings).await;
        let url = pooler.url(&direct);
        let pool = minuet_messaging::connect(&url, 2, "test").unwrap();
        // A session that another client had before is a fresh one.
        for _ in 0..2 {
            let mut connection = pool.acquire().await.unwrap();
            for (name, wanted) in [
                ("lock_timeout", "10s"),
                ("statement_timeout", "1min"),
                ("idle_in_transaction_session_timeout", "5s"),
                ("enable_seqscan", "off"),
                ("plan_cache_mode", "force_generic_plan"),
            ] {
                let found: String = sqlx::query_scalar("select current_setting($1)")
                    .bind(name)
                    .fetch_one(&mut *connection)
                    .await
                    .unwrap();
                assert_eq!(found, wanted, "{name}, with {ignored} ignored");
            }
            connection.close().await.unwrap();
        }
        pool.close().await;
        drop(pooler);
    }

    let settings = "pool_mode = session\nignore_startup_parameters = extra_float_digits";
    let pooler = Pooler::start(program, &direct, settings).await;
    world.replace_database("order", pooler.url(&direct), world.pool("order").clone());
    let services = world.services().await;
    world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    let order = world.submit(&[("CHAIR", 1)]).await;
    world.await_status(order, "confirmed").await;
    assert_books_balance(&world).await;
    for service in services {
        service.stop().await;
    }
}

/// One session for several connections: refused, with the remedy.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_of_transactions_is_refused() {
    let Some(program) = program() else { return };
    let mut world = World::new().await;
    let direct = world.settings("order").database_url;
    let settings = "pool_mode = transaction\nignore_startup_parameters = extra_float_digits, options";
    let pooler = Pooler::start(program, &direct, settings).await;
    let url = pooler.url(&direct);
    let pool = minuet_messaging::connect(&url, 2, "test").unwrap();
    let mut first = pool.acquire().await.unwrap();
    first.execute("select 1").await.unwrap();
    let second = pool.acquire().await;
    assert!(second.is_err(), "a second connection shares the first one's session");

    world.replace_database("order", url, world.pool("order").clone());
    let folder = Folder::new();
    let process = world.process(&folder, "order").start();
    let log = process.logs("the pooler in front of the database pools transactions").await;
    assert!(log.contains("pool_mode = session"), "{log}");
    let ready = reqwest::get(format!("{}/readyz", process.url().await)).await.unwrap();
    assert_eq!(ready.status(), 503);
    process.kill();
}
