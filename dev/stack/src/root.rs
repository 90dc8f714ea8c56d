//! The folder of a stack: who may use it, and who removes it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{StackError, Tried, create_folder};
use crate::log::try_lock;

const JANITOR: &str = include_str!("janitor.sh");
const LOCK: &str = "lock";
const POLL: Duration = Duration::from_millis(50);
/// The janitor waits for servers, which have 20 seconds to stop before SIGKILL.
const JANITOR_TIMEOUT: Duration = Duration::from_secs(40);

/// A locked folder. The lock lives as long as this value, and in an ephemeral one until the folder is removed.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) path: PathBuf,
    janitor: Option<Child>,
    _lock: File,
}

impl Root {
    pub(crate) async fn acquire(
        path: &Path,
        patience: Duration,
        ephemeral: bool,
    ) -> Result<Self, StackError> {
        let begun = Instant::now();
        let (path, lock) = loop {
            if ephemeral && is_foreign(path) {
                return Err(StackError::NotOurs { root: path.to_owned() });
            }
            create_folder(path)?;
            let path = path.canonicalize().tried(|| format!("could not resolve {}", path.display()))?;
            if let Some(lock) = lock(&path.join(LOCK))? {
                break (path, lock);
            }
            if begun.elapsed() >= patience {
                return Err(StackError::InUse { root: path });
            }
            tokio::time::sleep(POLL).await;
        };
        let janitor = if ephemeral { Some(janitor(&path, &lock)?) } else { None };
        Ok(Self { path, janitor, _lock: lock })
    }

    pub(crate) fn log(&self, part: crate::Part) -> PathBuf {
        self.path.join(format!("{}.log", part.folder()))
    }

    /// Gives the folder back; an ephemeral one is gone afterwards. Every server has to be stopped before.
    pub(crate) async fn release(mut self) -> Result<(), StackError> {
        let Some(mut janitor) = self.janitor.take() else { return Ok(()) };
        drop(janitor.stdin.take());
        let begun = Instant::now();
        while begun.elapsed() < JANITOR_TIMEOUT {
            if janitor.try_wait().tried(|| "could not ask for the state of the janitor".to_owned())?.is_some()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(StackError::InUse { root: self.path.clone() })
    }
}

/// Whether there is something in the folder, and never was a stack.
fn is_foreign(path: &Path) -> bool {
    let holds_something = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    holds_something && !path.join(LOCK).exists()
}

/// `None` while another holds it, or held it when it was removed under our hands.
fn lock(path: &Path) -> Result<Option<File>, StackError> {
    let what = || format!("could not lock {}", path.display());
    let file = match OpenOptions::new().create(true).truncate(false).write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.tried(what)?,
    };
    if !try_lock(&file).tried(what)? {
        return Ok(None);
    }
    let ours = file.metadata().tried(what)?.ino();
    let still_there = std::fs::metadata(path).is_ok_and(|there| there.ino() == ours);
    Ok(still_there.then_some(file))
}

fn janitor(root: &Path, lock: &File) -> Result<Child, StackError> {
    let lock = lock.try_clone().tried(|| format!("could not share the lock on {}", root.display()))?;
    Command::new("sh")
        .args(["-c", JANITOR, "janitor"])
        .arg(root)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        // Keeps the lock until the folder is gone.
        .stdout(lock)
        .stderr(Stdio::null())
        .spawn()
        .tried(|| format!("could not start the janitor of {}", root.display()))
}
