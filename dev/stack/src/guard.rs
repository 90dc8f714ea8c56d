//! A child process that cannot outlive us.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::Part;
use crate::error::{StackError, Tried};
use crate::log::{Log, Tail};

const SCRIPT: &str = include_str!("guard.sh");
const POLL: Duration = Duration::from_millis(10);
/// How much longer than its grace a server gets to be gone, SIGKILL included.
const AFTER_GRACE: Duration = Duration::from_secs(5);

/// A command to run under a guard.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) part: Part,
    pub(crate) command: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Servers see only `environment`, so that a stray `QUARKUS_*` or `PG*` of the caller changes nothing; Maven
    /// needs what the caller has set for it.
    pub(crate) inherit: bool,
    pub(crate) directory: PathBuf,
    /// The signal that asks for an orderly end, without `SIG`.
    pub(crate) stop: &'static str,
    /// How long that end may take before SIGKILL.
    pub(crate) grace: Duration,
}

impl Launch {
    pub(crate) fn new(part: Part, program: impl Into<OsString>, directory: &Path) -> Self {
        Self {
            part,
            command: vec![program.into()],
            environment: Vec::new(),
            inherit: false,
            directory: directory.to_owned(),
            stop: "TERM",
            grace: Duration::from_secs(20),
        }
    }

    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.push(argument.into());
        self
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub(crate) fn spawn(self, log: &Log) -> Result<Guarded, StackError> {
        let mut guard = Command::new("sh");
        if !self.inherit {
            guard
                .env_clear()
                .env("LC_ALL", "C.UTF-8")
                .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        }
        let mut child = guard
            .envs(self.environment)
            .args(["-c", SCRIPT, "guard", self.stop])
            .arg(self.grace.as_secs().to_string())
            .args(&self.command)
            .current_dir(&self.directory)
            // A group of its own, so that Ctrl-C reaches us and not the server.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.share()?)
            .stderr(log.share()?)
            .spawn()
            .tried(|| format!("could not start {} under a guard", self.part))?;
        let pipe = child.stdin.take();
        Ok(Guarded { part: self.part, child, pipe, grace: self.grace, tail: log.tail() })
    }
}

/// A running guard and its server. Dropping it asks the server to stop and does not wait.
#[derive(Debug)]
pub(crate) struct Guarded {
    part: Part,
    child: Child,
    pipe: Option<ChildStdin>,
    grace: Duration,
    tail: Tail,
}

impl Guarded {
    fn ended(&mut self) -> Result<Option<ExitStatus>, StackError> {
        self.child.try_wait().tried(|| format!("could not ask for the state of {}", self.part))
    }

    /// An error once the server has ended though nobody asked it to.
    pub(crate) fn check(&mut self) -> Result<(), StackError> {
        let Some(status) = self.ended()? else { return Ok(()) };
        let (log, tail) = (self.tail.path.clone(), self.tail.read());
        Err(StackError::Lost { part: self.part, status: status.to_string(), log, tail })
    }

    /// Polls, because waiting through the runtime would tie the child to the runtime that started it, and each test
    /// has a runtime of its own.
    async fn wait(&mut self, patience: Duration) -> Result<Option<ExitStatus>, StackError> {
        let begun = Instant::now();
        loop {
            let ended = self.ended()?;
            if ended.is_some() || begun.elapsed() > patience {
                return Ok(ended);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until `probe` holds; the server's own end is an error.
    pub(crate) async fn ready<P: Future<Output = bool>>(
        &mut self,
        patience: Duration,
        mut probe: impl FnMut() -> P,
    ) -> Result<(), StackError> {
        let begun = Instant::now();
        loop {
            // Asked first: a port that answers may be somebody else's when our server could not take it.
            if let Some(status) = self.ended()? {
                let (log, tail) = (self.tail.path.clone(), self.tail.read());
                return Err(StackError::Died { part: self.part, status: status.to_string(), log, tail });
            }
            if probe().await {
                return Ok(());
            }
            if begun.elapsed() > patience {
                let (log, tail) = (self.tail.path.clone(), self.tail.read());
                return Err(StackError::NotReady { part: self.part, waited: patience, log, tail });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits for a command that ends by itself.
    pub(crate) async fn complete(mut self, task: &str, patience: Duration) -> Result<(), StackError> {
        match self.wait(patience).await? {
            Some(status) if status.success() => Ok(()),
            ended => Err(StackError::Failed {
                task: task.to_owned(),
                status: ended.map_or_else(|| format!("not done after {patience:?}"), |s| s.to_string()),
                output: self.tail.read(),
            }),
        }
    }

    /// Sends a signal, named without `SIG`, to the server itself.
    pub(crate) fn signal(&mut self, name: &str) -> Result<(), StackError> {
        let part = self.part;
        let pipe = self.pipe.as_mut().ok_or(StackError::NotRunning { part })?;
        pipe.write_all(format!("{name}\n").as_bytes()).tried(|| format!("could not send SIG{name} to {part}"))
    }

    /// An orderly end.
    pub(crate) async fn stop(mut self) -> Result<(), StackError> {
        drop(self.pipe.take());
        self.gone().await
    }

    /// SIGKILL, as a crash would be.
    pub(crate) async fn kill(mut self) -> Result<(), StackError> {
        self.signal("KILL")?;
        self.gone().await
    }

    async fn gone(&mut self) -> Result<(), StackError> {
        let waited = self.grace + AFTER_GRACE;
        match self.wait(waited).await? {
            Some(_) => Ok(()),
            None => Err(StackError::DidNotStop { part: self.part, waited }),
        }
    }
}
