use std::cell::Cell;
use std::path::{Path, PathBuf};

use crate::BenchError;

/// The folder of one run: the servers' data below it, and the program's working folder, in which no `minuet.toml` lies.
/// Removed at the end, unless the folder was there before; what the program has logged stays where it is to be read.
pub(crate) struct Scratch {
    path: PathBuf,
    is_ours: bool,
    keeps_logs: Cell<bool>,
}

impl Scratch {
    pub(crate) fn create(given: Option<&Path>) -> Result<Self, BenchError> {
        let new = || std::env::temp_dir().join(format!("minuet-bench-{}", std::process::id()));
        let path = given.map_or_else(new, Path::to_owned);
        let is_ours = !path.exists();
        let tried = |source| BenchError::File { path: path.clone(), source };
        std::fs::create_dir_all(&path).map_err(tried)?;
        let path = path.canonicalize().map_err(tried)?;
        Ok(Scratch { path, is_ours, keeps_logs: Cell::new(false) })
    }

    pub(crate) fn servers(&self) -> PathBuf {
        self.path.join("servers")
    }

    /// Made when it is asked for.
    pub(crate) fn program(&self) -> Result<PathBuf, BenchError> {
        let path = self.path.join("program");
        std::fs::create_dir_all(&path).map_err(|source| BenchError::File { path: path.clone(), source })?;
        Ok(path)
    }

    /// The program's logs stay, in the folder that is answered.
    pub(crate) fn keep_logs(&self) -> PathBuf {
        self.keeps_logs.set(true);
        self.path.join("program")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: what a failed stop left behind is the janitor's.
        if self.keeps_logs.get() {
            return;
        }
        drop(std::fs::remove_dir_all(self.path.join("program")));
        if self.is_ours {
            drop(std::fs::remove_dir(&self.path));
        }
    }
}
