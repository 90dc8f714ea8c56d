//! Kafka's jars and the registry, which Maven fetches once per machine and version.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::constants::{KAFKA_VERSION, LOG4J_VERSION, REGISTRY_VERSION};
use crate::error::{StackError, Tried, create_folder, write};
use crate::guard::Launch;
use crate::log::Log;
use crate::{Part, State};

const POM: &str = include_str!("../pom.xml");
/// 200 MB over a slow line.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Where the unpacked parts lie.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    folder: PathBuf,
    /// The jars of Kafka, all in one folder.
    pub(crate) kafka: PathBuf,
    /// The Quarkus application of the registry.
    pub(crate) registry: PathBuf,
}

impl Parts {
    /// Outside the checkout, so that a clean clone does not fetch again.
    pub(crate) fn here() -> Self {
        let cache = cache(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from));
        let version = format!("kafka-{KAFKA_VERSION}_log4j-{LOG4J_VERSION}_apicurio-{REGISTRY_VERSION}");
        let folder = cache.join(version);
        Self { kafka: folder.join("kafka"), registry: folder.join("registry"), folder }
    }

    /// Fetches them, unless they are there.
    pub(crate) async fn provide(&self, enter: impl Fn(State)) -> Result<(), StackError> {
        let folder = &self.folder;
        if folder.is_dir() {
            return Ok(());
        }
        create_folder(folder.parent().unwrap_or(folder))?;
        // Two starts at once: the second one waits here and then finds the folder.
        let log = Log::acquire(&beside(folder, ".log"), FETCH_TIMEOUT, || enter(State::Waiting)).await?;
        if folder.is_dir() {
            return Ok(());
        }
        enter(State::Fetching);
        let unfinished = beside(folder, ".unfinished");
        remove(&unfinished)?;
        create_folder(&unfinished)?;
        write(&unfinished.join("pom.xml"), POM)?;
        let mut maven = Launch::new(Part::Kafka, "mvn", &unfinished)
            .args(["-B", "-ntp", "-q", "-f", "pom.xml", "generate-resources"])
            .arg(format!("-Dparts={}", unfinished.display()));
        maven.inherit = true;
        maven.spawn(&log)?.complete("fetching Kafka and the schema registry by Maven", FETCH_TIMEOUT).await?;
        // The folder appears whole or not at all.
        std::fs::rename(&unfinished, folder)
            .tried(|| format!("could not move {} into place", folder.display()))
    }
}

fn beside(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// `MINUET_PARTS`, or the usual place for what can be fetched again.
fn cache(variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    variable("MINUET_PARTS")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("minuet/parts")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/minuet/parts")))
        .unwrap_or_else(|| std::env::temp_dir().join("minuet-parts"))
}

fn remove(folder: &Path) -> Result<(), StackError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).tried(|| format!("could not remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maven_fetches_the_versions_of_the_constants() {
        for (property, version) in
            [("kafka", KAFKA_VERSION), ("log4j", LOG4J_VERSION), ("apicurio", REGISTRY_VERSION)]
        {
            let line = format!("<{property}.version>{version}</{property}.version>");
            assert!(POM.contains(&line), "pom.xml lacks {line}");
        }
    }

    #[test]
    fn the_cache_can_be_put_elsewhere() {
        let home = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/ada"));
        assert_eq!(cache(home), Path::new("/home/ada/.cache/minuet/parts"));
        assert_eq!(cache(|name| Some(PathBuf::from("/").join(name))), Path::new("/MINUET_PARTS"));
    }
}
