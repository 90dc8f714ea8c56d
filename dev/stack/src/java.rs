//! Finds the newest JDK of the machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::constants::OLDEST_JAVA;
use crate::error::StackError;

/// The places where a JDK may lie.
#[derive(Debug)]
pub struct Places {
    /// `JAVA_HOME`.
    pub home: Option<OsString>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// Where packages put JDKs, each in a folder of its own.
    pub installed: PathBuf,
}

impl Places {
    /// Those of this machine and process.
    pub fn here() -> Self {
        Self {
            home: std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()),
            path: std::env::var_os("PATH"),
            installed: PathBuf::from("/usr/lib/jvm"),
        }
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        found.extend(self.home.as_ref().map(PathBuf::from));
        let on_path = self.path.iter().flat_map(std::env::split_paths).map(|folder| folder.join("java"));
        // /usr/bin/java is a link to <home>/bin/java.
        found.extend(
            on_path.filter_map(|java| Some(java.canonicalize().ok()?.parent()?.parent()?.to_owned())),
        );
        if let Ok(entries) = std::fs::read_dir(&self.installed) {
            found.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
        }
        found.retain(|home| home.join("bin/java").is_file());
        let mut homes: Vec<_> = found.into_iter().filter_map(|home| home.canonicalize().ok()).collect();
        homes.sort();
        homes.dedup();
        homes
    }
}

/// The `java` of the newest JDK, if it is new enough for the registry.
pub fn newest(places: &Places) -> Result<PathBuf, StackError> {
    let mut looked_at = match &places.home {
        Some(home) if !Path::new(home).join("bin/java").is_file() => {
            vec![format!("JAVA_HOME={} has no bin/java", home.display())]
        }
        Some(_) => Vec::new(),
        None => vec!["JAVA_HOME is not set".to_owned()],
    };
    let mut best: Option<(u32, PathBuf)> = None;
    for home in places.candidates() {
        let java = home.join("bin/java");
        let Some(release) = release_of(&home) else {
            looked_at.push(format!("{} of an unknown version", java.display()));
            continue;
        };
        looked_at.push(format!("{} of version {release}", java.display()));
        if release >= OLDEST_JAVA && best.as_ref().is_none_or(|(so_far, _)| release > *so_far) {
            best = Some((release, java));
        }
    }
    match best {
        Some((_, java)) => Ok(java),
        None => {
            looked_at.push("PATH".to_owned());
            looked_at.push(places.installed.display().to_string());
            Err(StackError::NoJava { oldest: OLDEST_JAVA, looked_at })
        }
    }
}

/// From the file `release` that every JDK has, or from the program itself.
fn release_of(home: &Path) -> Option<u32> {
    let quoted = |text: &str| text.split('"').nth(1).and_then(feature_release);
    if let Ok(text) = std::fs::read_to_string(home.join("release")) {
        let line = text.lines().find(|line| line.starts_with("JAVA_VERSION="));
        if let Some(release) = line.and_then(quoted) {
            return Some(release);
        }
    }
    let answer = Command::new(home.join("bin/java")).arg("-version").stdin(Stdio::null()).output().ok()?;
    String::from_utf8_lossy(&answer.stderr).lines().find_map(quoted)
}

/// `25.0.3` is release 25, `26-ea` is 26, `1.8.0_402` is 8.
fn feature_release(version: &str) -> Option<u32> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match numbers.next()?.ok()? {
        1 => numbers.next()?.ok(),
        release => Some(release),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_times_are_understood() {
        for (version, release) in [("25.0.3", 25), ("26-ea", 26), ("1.8.0_402", 8), ("21", 21)] {
            assert_eq!(feature_release(version), Some(release), "{version}");
        }
        assert_eq!(feature_release("unknown"), None);
    }
}
