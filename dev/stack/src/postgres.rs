//! A private PostgreSQL cluster that listens on 127.0.0.1 only and knows two roles: its superuser, which only this
//! module uses, and `minuet`, which owns the databases and nothing else.

mod install;
mod place;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use self::install::Account;
use crate::constants::{POSTGRES_SETTINGS, ROLE};
use crate::error::{StackError, Tried};
use crate::guard::{Guarded, Launch};
use crate::log::Log;
use crate::password;
use crate::root::Root;
use crate::server::Server;
use crate::{Part, StackOptions, State};

const SUPERUSER: &str = "postgres";

#[derive(Debug)]
pub(crate) struct Postgres {
    binaries: PathBuf,
    account: Account,
    folder: PathBuf,
    port: u16,
    superuser_password: String,
    pub(crate) password: String,
    durable: bool,
    settings: Vec<(String, String)>,
    start_timeout: Duration,
}

impl Postgres {
    pub(crate) fn new(root: &Root, options: &StackOptions, port: u16) -> Result<Self, StackError> {
        let account = Account::choose()?;
        let folder = place::provide(&root.path, account)?;
        let major = std::fs::read_to_string(folder.join("data/PG_VERSION")).ok();
        let binaries = install::binaries(major.and_then(|major| major.trim().parse().ok()))?;
        Ok(Self {
            binaries,
            account,
            folder,
            port,
            superuser_password: password::provide(&root.path.join("postgres.password"))?,
            password: password::provide(&root.path.join("minuet.password"))?,
            durable: options.durable,
            settings: options.postgres_settings.clone(),
            start_timeout: options.start_timeout,
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// One of PostgreSQL's programs, run as the user that PostgreSQL runs as.
    fn program(&self, name: &str) -> Launch {
        let program = self.binaries.join(name);
        match self.account.prefix() {
            [] => Launch::new(Part::Postgres, program, &self.folder),
            [first, rest @ ..] => {
                Launch::new(Part::Postgres, *first, &self.folder).args(rest.iter().copied()).arg(program)
            }
        }
    }

    async fn initialise(&self, log: &Log) -> Result<(), StackError> {
        let data = self.data();
        // The folder gets its name when it is complete; what an interrupted run left is thrown away.
        let unfinished = self.folder.join("data.unfinished");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished)
                .tried(|| format!("could not remove {}", unfinished.display()))?;
        }
        let password_file = self.folder.join("initial-password");
        password::write_private(&password_file, &self.superuser_password)?;
        self.account.own(&password_file)?;
        self.program("initdb")
            .args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--username", SUPERUSER])
            .args(["--pwfile".into(), password_file.clone().into_os_string()])
            .args(["--pgdata".into(), unfinished.clone().into_os_string()])
            .args((!self.durable).then_some("--no-sync"))
            .spawn(log)?
            .complete("creating a PostgreSQL cluster", self.start_timeout)
            .await?;
        std::fs::remove_file(&password_file)
            .tried(|| format!("could not remove {}", password_file.display()))?;
        std::fs::rename(&unfinished, &data).tried(|| format!("could not name {}", data.display()))
    }

    fn launch(&self) -> Launch {
        let mut settings: Vec<(String, String)> =
            POSTGRES_SETTINGS.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        settings.push(("listen_addresses".into(), "127.0.0.1".into()));
        settings.push(("port".into(), self.port.to_string()));
        // A path below the root may be too long for a socket's name.
        settings.push(("unix_socket_directories".into(), String::new()));
        if self.measures() {
            settings.push(("shared_preload_libraries".into(), "pg_stat_statements".into()));
        }
        if !self.durable {
            let off = ["fsync", "synchronous_commit", "full_page_writes"];
            settings.extend(off.map(|name| (name.into(), "off".into())));
            settings.push(("max_wal_size".into(), "1GB".into()));
        }
        settings.extend(self.settings.iter().cloned());
        let mut launch = self.program("postgres").args(["-D".into(), self.data().into_os_string()]);
        // The default, a smart shutdown, would wait for every client to go.
        launch.stop = "INT";
        settings
            .iter()
            .fold(launch, |launch, (name, value)| launch.args(["-c".into(), format!("{name}={value}")]))
    }

    /// Whether the library that counts statements is installed.
    fn measures(&self) -> bool {
        self.binaries.join("../lib/pg_stat_statements.so").is_file()
    }

    /// The line that pg_ctl waits for too.
    fn is_ready(&self) -> bool {
        std::fs::read_to_string(self.data().join("postmaster.pid"))
            .is_ok_and(|text| text.lines().nth(7).is_some_and(|status| status.trim() == "ready"))
    }

    /// The role, on every start: the one that created the cluster may have ended before it came to this.
    async fn provide_role(&self) -> Result<(), StackError> {
        let password = &self.password;
        let extension =
            if self.measures() { "create extension if not exists pg_stat_statements;" } else { "" };
        self.psql(
            "template1",
            &format!(
                "select 'create role {ROLE} login' where not exists
                     (select from pg_roles where rolname = '{ROLE}') \\gexec
                 alter role {ROLE} with login nosuperuser nocreatedb nocreaterole password '{password}';
                 {extension}"
            ),
        )
        .await
    }

    /// Creates a database that belongs to the role, unless there is one of that name.
    pub(crate) async fn create_database(&self, name: &str) -> Result<(), StackError> {
        check_name(name)?;
        let result = self
            .psql(
                SUPERUSER,
                &format!(
                    "select 'create database {name} owner {ROLE}' where not exists
                         (select from pg_database where datname = '{name}') \\gexec
                     revoke connect on database {name} from public;"
                ),
            )
            .await;
        match result {
            // Another one created it between our question and our statement.
            Err(StackError::Failed { output, .. }) if output.contains("already exists") => Ok(()),
            result => result,
        }
    }

    /// Copies a database as it is. Ends the connections to it first.
    pub(crate) async fn copy_database(&self, from: &str, to: &str) -> Result<(), StackError> {
        check_name(from)?;
        check_name(to)?;
        let statements = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{from}';
             create database {to} template {from} owner {ROLE};
             revoke connect on database {to} from public;"
        );
        self.psql(SUPERUSER, &statements).await
    }

    pub(crate) async fn drop_database(&self, name: &str) -> Result<(), StackError> {
        check_name(name)?;
        self.psql(SUPERUSER, &format!("drop database if exists {name} with (force);")).await
    }

    /// Changes a setting for every session, open ones too. `name` and `value` come from our own code.
    pub(crate) async fn set(&self, name: &str, value: &str) -> Result<(), StackError> {
        let statements = format!("alter system set {name} = '{value}'; select pg_reload_conf();");
        self.psql(SUPERUSER, &statements).await
    }

    /// Runs statements as the superuser. They go in by standard input, so that no argument list shows a password.
    async fn psql(&self, database: &str, statements: &str) -> Result<(), StackError> {
        let tried = || "could not run psql".to_owned();
        let mut psql = tokio::process::Command::new(self.binaries.join("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", SUPERUSER, "-d", database])
            .args(["-p", &self.port.to_string()])
            .env_clear()
            .env("PGPASSWORD", &self.superuser_password)
            // A failing statement may hold a password, which is nothing for the server's log.
            .env("PGOPTIONS", "-c log_min_error_statement=panic")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .tried(tried)?;
        if let Some(mut input) = psql.stdin.take() {
            input.write_all(statements.as_bytes()).await.tried(tried)?;
        }
        let answer = psql.wait_with_output().await.tried(tried)?;
        if answer.status.success() {
            return Ok(());
        }
        Err(StackError::Failed {
            task: format!("a statement in database {database}"),
            status: answer.status.to_string(),
            output: String::from_utf8_lossy(&answer.stderr).into_owned(),
        })
    }
}

impl Server for Postgres {
    const PART: Part = Part::Postgres;

    async fn start(&self, log: Log, enter: &impl Fn(State)) -> Result<Guarded, StackError> {
        if !self.data().exists() {
            enter(State::Initialising);
            self.initialise(&log).await?;
        }
        enter(State::Starting);
        // We hold the lock, so nobody uses the data: the number in this file may belong to anybody by now.
        remove_stale(&self.data().join("postmaster.pid"))?;
        let mut server = self.launch().spawn(&log)?;
        drop(log);
        server.ready(self.start_timeout, || std::future::ready(self.is_ready())).await?;
        self.provide_role().await?;
        Ok(server)
    }
}

fn remove_stale(file: &Path) -> Result<(), StackError> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).tried(|| format!("could not remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// Names go into statements, where they cannot be parameters.
fn check_name(name: &str) -> Result<(), StackError> {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if starts && plain && name.len() <= 63 {
        return Ok(());
    }
    Err(StackError::DatabaseName { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_name_cannot_leave_its_statement() {
        assert!(check_name("minuet_order").is_ok());
        for name in ["", "1st", "Order", "a b", "a;drop", &"a".repeat(64)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
