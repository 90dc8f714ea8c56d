//! The program as its users have it: a process of its own, in a folder of its own.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::wait::until;

/// A fresh folder. It is removed at the end, once nobody works in it any more.
pub struct Folder(PathBuf);

impl Folder {
    #[allow(clippy::new_without_default, reason = "a new one is another one each time")]
    pub fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("minuet-cli-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&path).unwrap();
        Folder(path.canonicalize().unwrap())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    /// The program, to be run here with these arguments.
    pub fn minuet<A: AsRef<str>>(&self, arguments: impl IntoIterator<Item = A>) -> Minuet {
        Minuet::new(self, &program(), arguments)
    }

    /// Another program, to be run here with these arguments.
    pub fn other<A: AsRef<str>>(&self, program: &Path, arguments: impl IntoIterator<Item = A>) -> Minuet {
        Minuet::new(self, program, arguments)
    }

    /// Whatever was started for this folder and still lives, the one of this number left out.
    pub fn servers(&self, besides: u32) -> Vec<Server> {
        Server::all_in(&self.0).into_iter().filter(|server| server.pid != besides).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Guards stop their servers after the parent is gone, and write to the folder meanwhile.
        let until = Instant::now() + Duration::from_secs(60);
        while !Server::all_in(&self.0).is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

/// A process that works in a folder, told from a later one of the same number by its start.
#[derive(Clone, Debug)]
pub struct Server {
    pub pid: u32,
    pub command: String,
    started: String,
}

impl Server {
    /// By the folder's name in the command line (or what the process made of it), or by where the process works.
    fn all_in(folder: &Path) -> Vec<Server> {
        let name = folder.to_str().unwrap();
        let here = |server: &Server| {
            let cwd = std::fs::read_link(format!("/proc/{}/cwd", server.pid));
            server.command.contains(name) || cwd.is_ok_and(|cwd| cwd.starts_with(folder))
        };
        let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(Server::read).filter(here).collect()
    }

    /// None: it is gone, or a zombie, which holds nothing any more.
    fn read(pid: u32) -> Option<Server> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&line).replace('\0', " ");
        (fields.first()? != &"Z").then_some(Server { pid, command, started: (*fields.get(19)?).to_owned() })
    }

    pub fn lives(&self) -> bool {
        Server::read(self.pid).is_some_and(|now| now.started == self.started)
    }
}

/// A call of the program. Nothing of the test's own environment configures it.
pub struct Minuet {
    command: Command,
    input: String,
}

impl Minuet {
    fn new<A: AsRef<str>>(folder: &Folder, program: &Path, arguments: impl IntoIterator<Item = A>) -> Minuet {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            // Where the servers' files are kept is no setting.
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("MINUET_") && name != "MINUET_PARTS" {
                command.env_remove(name);
            }
        }
        for argument in arguments {
            command.arg(argument.as_ref());
        }
        command.current_dir(&folder.0);
        Minuet { command, input: String::new() }
    }

    pub fn env(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    /// On a machine whose clock is that much ahead: `fixtures/ahead.c` is built and preloaded. libfaketime ends in a circle with
    /// the program's allocator, which asks for the time while that library still looks for the function.
    pub fn ahead(self, by: Duration) -> Self {
        let library = self.command.get_current_dir().expect("a folder").join("ahead.so");
        if !library.exists() {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ahead.c");
            let built = Command::new("cc")
                .args(["-shared", "-fPIC", "-o"])
                .arg(&library)
                .arg(source)
                .output()
                .unwrap();
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        }
        self.env("LD_PRELOAD", library.to_str().unwrap()).env("AHEAD_SECONDS", by.as_secs().to_string())
    }

    /// As many files as it may open, sockets among them.
    pub fn open_files(mut self, most: u32) -> Self {
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")])
            .arg(self.command.get_program());
        limited.args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        if let Some(folder) = self.command.get_current_dir() {
            limited.current_dir(folder);
        }
        self.command = limited;
        self
    }

    pub fn input(mut self, text: &str) -> Self {
        self.input = text.to_owned();
        self
    }

    pub fn start(mut self) -> Process {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), self.input);
        // A program that stops reading in the middle is no failure of the test.
        std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let out = Output::of(child.stdout.take().unwrap());
        let err = Output::of(child.stderr.take().unwrap());
        Process { pid: child.id(), child: Mutex::new(child), out, err }
    }

    /// To its end.
    pub async fn run(self) -> Done {
        self.start().ended().await
    }
}

/// Built before the tests: they cannot depend on a program.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("minuet");
    assert!(program.exists(), "{} is missing: `cargo build --bin minuet` makes it", program.display());
    program
}

/// A started program. It is killed when the test is done with it, however that ends.
pub struct Process {
    pub pid: u32,
    child: Mutex<Child>,
    out: Output,
    err: Output,
}

/// What a program said, and how it ended: None by a signal.
#[derive(Clone, Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Done {
    #[track_caller]
    pub fn well(self) -> Done {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }
}

impl Process {
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// What stands in its log.
    pub fn log(&self) -> String {
        self.err.text()
    }

    /// Waits until it has printed this.
    pub async fn prints(&self, text: &str) {
        self.says(&self.out, text).await;
    }

    /// Waits until this stands in its log, and gives all of that.
    pub async fn logs(&self, text: &str) -> String {
        self.says(&self.err, text).await
    }

    async fn says(&self, output: &Output, text: &str) -> String {
        let said = until(&format!("minuet says {text:?}"), || async {
            let (over, said) = (self.status().is_some() && output.is_over(), output.text());
            if said.contains(text) {
                Ok(Some(said))
            } else if over {
                Ok(None)
            } else {
                Err((self.out.text(), self.err.text()))
            }
        })
        .await;
        said.unwrap_or_else(|| panic!("ended before {text:?}: {}\n{}", self.out.text(), self.err.text()))
    }

    /// A signal by its name without SIG.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name]).arg(self.pid.to_string()).status();
        assert!(sent.unwrap().success());
    }

    pub async fn ended(&self) -> Done {
        let status = until(&format!("minuet (process {}) ends", self.pid), || async {
            match self.status() {
                Some(status) if self.out.is_over() && self.err.is_over() => Ok(status),
                _ => Err((self.out.text(), self.err.text())),
            }
        })
        .await;
        Done { code: status.code(), out: self.out.text(), err: self.err.text() }
    }

    fn status(&self) -> Option<ExitStatus> {
        self.child.lock().try_wait().unwrap()
    }

    /// SIGKILL, and no word more.
    pub fn kill(&self) {
        let mut child = self.child.lock();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status().is_none() {
            self.kill();
        }
    }
}

/// What comes out of one pipe, read as it comes.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Output {
        let all = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&all);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = pipe.read(&mut bytes) {
                shared.lock().extend_from_slice(&bytes[..read]);
            }
        });
        Output { bytes: all, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock()).into_owned()
    }

    fn is_over(&self) -> bool {
        self.reader.is_finished()
    }
}
