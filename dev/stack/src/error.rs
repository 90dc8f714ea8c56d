use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Part;

/// Why the stack, or a part of it, does not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    #[error(
        "no JDK {oldest} or newer found; put one on PATH, under /usr/lib/jvm or into JAVA_HOME (looked at: {})",
        .looked_at.join("; ")
    )]
    NoJava { oldest: u32, looked_at: Vec<String> },

    #[error(
        "no PostgreSQL server {wanted} found; on Debian: apt-get install postgresql-15 (looked at: {})",
        .looked_at.join("; ")
    )]
    NoPostgres { wanted: String, looked_at: Vec<String> },

    #[error("PostgreSQL does not run as root, and there is no user `postgres` to run it as")]
    NoPostgresUser,

    #[error("{} is in use by another stack that still runs; stop it first, or choose another folder", .root.display())]
    InUse { root: PathBuf },

    #[error("{} holds what is no stack's, and would be removed at the end; choose a folder of its own", .root.display())]
    NotOurs { root: PathBuf },

    #[error("processes of an earlier run still hold {} after {waited:?}", .log.display())]
    StillRunning { log: PathBuf, waited: Duration },

    #[error("the registry keeps its schemas in PostgreSQL and cannot start without it")]
    RegistryWithoutPostgres,

    #[error("{part} is not running")]
    NotRunning { part: Part },

    #[error("{part} ended ({status}) before it was ready; the end of {}:\n{tail}", .log.display())]
    Died { part: Part, status: String, log: PathBuf, tail: String },

    #[error("{part} has ended by itself ({status}); the end of {}:\n{tail}", .log.display())]
    Lost { part: Part, status: String, log: PathBuf, tail: String },

    #[error("{part} was not ready after {waited:?}; the end of {}:\n{tail}", .log.display())]
    NotReady { part: Part, waited: Duration, log: PathBuf, tail: String },

    #[error("{part} did not stop within {waited:?}")]
    DidNotStop { part: Part, waited: Duration },

    #[error("{task} failed ({status}):\n{output}")]
    Failed { task: String, status: String, output: String },

    #[error("`{name}` is no name for a database: lower-case letters, digits and underscores, at most 63")]
    DatabaseName { name: String },

    #[error("{tried}")]
    Io { tried: String, source: io::Error },
}

/// Says what an I/O operation was for.
pub(crate) trait Tried<T> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, StackError>;
}

impl<T> Tried<T> for io::Result<T> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, StackError> {
        self.map_err(|source| StackError::Io { tried: what(), source })
    }
}

pub(crate) fn create_folder(path: &Path) -> Result<(), StackError> {
    std::fs::create_dir_all(path).tried(|| format!("could not create the folder {}", path.display()))
}

pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), StackError> {
    std::fs::write(path, content).tried(|| format!("could not write {}", path.display()))
}
