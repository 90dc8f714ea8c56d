//! The log of a server is also the lock on its data.
//!
//! Every process of a server inherits the open log as its standard output, and with it the lock. So the lock is free
//! exactly when the last of them is gone, whoever killed whom: a start waits for that instead of trusting pid files.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::error::{StackError, Tried};

/// A longer log is emptied at the next start.
const LONGEST: u64 = 16 * 1024 * 1024;
const POLL: Duration = Duration::from_millis(20);

/// An open, locked log. Dropping it leaves the lock to the processes that were given it.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    /// Where this run begins.
    from: u64,
}

impl Log {
    /// Waits until no process of an earlier run is left; `waiting` is called once if there is one.
    pub(crate) async fn acquire(
        path: &Path,
        patience: Duration,
        waiting: impl FnOnce(),
    ) -> Result<Self, StackError> {
        let opening = || format!("could not open {}", path.display());
        let file = OpenOptions::new().create(true).read(true).append(true).open(path).tried(opening)?;
        let begun = Instant::now();
        let mut waiting = Some(waiting);
        while !try_lock(&file).tried(|| format!("could not lock {}", path.display()))? {
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            if begun.elapsed() > patience {
                return Err(StackError::StillRunning { log: path.to_owned(), waited: patience });
            }
            tokio::time::sleep(POLL).await;
        }
        let mut from = file.metadata().tried(opening)?.len();
        if from > LONGEST {
            file.set_len(0).tried(opening)?;
            from = 0;
        }
        Ok(Self { file, path: path.to_owned(), from })
    }

    /// For the standard output or error of a process that shall hold the lock.
    pub(crate) fn share(&self) -> Result<Stdio, StackError> {
        let file = self.file.try_clone().tried(|| format!("could not share {}", self.path.display()))?;
        Ok(Stdio::from(file))
    }

    pub(crate) fn tail(&self) -> Tail {
        Tail { path: self.path.clone(), from: self.from }
    }
}

/// Whether the lock was free and is ours now.
pub(crate) fn try_lock(file: &File) -> std::io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Reads what a run has logged, for an error to show; holds no lock.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    pub(crate) path: PathBuf,
    from: u64,
}

impl Tail {
    /// The last lines, at most 20; what cannot be read is no reason to hide the error itself.
    pub(crate) fn read(&self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.from))?;
            file.take(LONGEST).read_to_end(&mut bytes)
        });
        if let Err(error) = read {
            return format!("(unreadable: {error})");
        }
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}
