//! Which PostgreSQL to run, and as whom.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::constants::OLDEST_POSTGRES;
use crate::error::{StackError, Tried};

/// Where Debian puts a folder per major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder of the server's programs: of exactly `major`, which existing data need, or of the newest.
pub(super) fn binaries(major: Option<u32>) -> Result<PathBuf, StackError> {
    let mut looked_at = vec![format!("{DEBIAN}/*/bin"), "PATH".to_owned()];
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Ok(versions) = std::fs::read_dir(DEBIAN) {
        folders.extend(versions.filter_map(|version| Some(version.ok()?.path().join("bin"))));
    }
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    folders.retain(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file());

    let mut best: Option<(u32, PathBuf)> = None;
    for folder in folders {
        let Some(version) = version(&folder) else { continue };
        looked_at.push(format!("{} of version {version}", folder.display()));
        let fits = major.map_or(version >= OLDEST_POSTGRES, |major| version == major);
        if fits && best.as_ref().is_none_or(|(so_far, _)| version > *so_far) {
            best = Some((version, folder));
        }
    }
    best.map(|(_, folder)| folder).ok_or_else(|| StackError::NoPostgres {
        wanted: major
            .map_or_else(|| format!("{OLDEST_POSTGRES} or newer"), |m| format!("{m}, as the data need it,")),
        looked_at,
    })
}

/// `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)` is 15.
fn version(binaries: &Path) -> Option<u32> {
    let answer =
        Command::new(binaries.join("postgres")).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let number = text.split_whitespace().nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The user that PostgreSQL runs as. It refuses to run as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    Ours,
    Postgres { uid: u32, gid: u32 },
}

impl Account {
    pub(super) fn choose() -> Result<Self, StackError> {
        let us = std::fs::metadata("/proc/self").tried(|| "could not read /proc/self".to_owned())?;
        if us.uid() != 0 {
            return Ok(Self::Ours);
        }
        Ok(Self::Postgres { uid: id("-u")?, gid: id("-g")? })
    }

    /// What to put in front of a command that is to run as this user.
    pub(super) fn prefix(self) -> &'static [&'static str] {
        match self {
            Self::Ours => &[],
            Self::Postgres { .. } => {
                &["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
            }
        }
    }

    /// Hands a file or folder over to this user.
    pub(super) fn own(self, path: &Path) -> Result<(), StackError> {
        match self {
            Self::Ours => Ok(()),
            Self::Postgres { uid, gid } => std::os::unix::fs::chown(path, Some(uid), Some(gid))
                .tried(|| format!("could not hand {} over to the user postgres", path.display())),
        }
    }

    pub(super) fn owns(self, file: &Metadata) -> bool {
        match self {
            Self::Ours => true,
            Self::Postgres { uid, .. } => file.uid() == uid,
        }
    }

    /// Whether this user can make files in a folder of its own, which it cannot below a folder of mode 0700.
    pub(super) fn reaches(self, folder: &Path) -> bool {
        let Self::Postgres { .. } = self else { return true };
        let (program, arguments) = (self.prefix()[0], &self.prefix()[1..]);
        let test = Command::new(program).args(arguments).args(["test", "-w"]).arg(folder).status();
        test.is_ok_and(|status| status.success())
    }
}

fn id(which: &str) -> Result<u32, StackError> {
    let answer = Command::new("id").args([which, "postgres"]).stdin(Stdio::null()).output();
    let answer = answer.tried(|| "could not run `id`".to_owned())?;
    String::from_utf8_lossy(&answer.stdout).trim().parse().map_err(|_| StackError::NoPostgresUser)
}
