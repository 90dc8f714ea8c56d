//! One Kafka broker in KRaft mode that is its own controller.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::constants::{BROKER_SETTINGS, KAFKA_CLUSTER_ID};
use crate::error::{StackError, create_folder, write};
use crate::guard::{Guarded, Launch};
use crate::log::Log;
use crate::server::Server;
use crate::{Part, State};

const LOGGING: &str = include_str!("kafka-log4j2.yaml");

#[derive(Debug)]
pub(crate) struct Kafka {
    pub(crate) java: PathBuf,
    pub(crate) jars: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) controller_port: u16,
    /// MiB.
    pub(crate) heap: u32,
    pub(crate) quick_java: bool,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) start_timeout: Duration,
}

impl Kafka {
    fn properties(&self) -> String {
        let (port, controller) = (self.port, self.controller_port);
        let mut settings: BTreeMap<&str, String> =
            BROKER_SETTINGS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        settings.extend([
            ("controller.quorum.voters", format!("1@127.0.0.1:{controller}")),
            ("listeners", format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}")),
            ("advertised.listeners", format!("PLAINTEXT://127.0.0.1:{port}")),
            ("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned()),
            ("log.dirs", self.data().display().to_string()),
        ]);
        settings.extend(self.settings.iter().map(|(name, value)| (name.as_str(), value.clone())));
        settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Classes as Java had loaded them when a broker last stopped: from it, the next one starts in half the time. Java
    /// keeps it up to date by itself, and does without where it does not fit.
    fn class_archive(&self) -> PathBuf {
        // An archive fits one garbage collector.
        self.jars.with_extension(if self.quick_java { "quick.jsa" } else { "jsa" })
    }

    fn java(&self, heap: u32) -> Launch {
        Launch::new(Part::Kafka, &self.java, &self.folder)
            .arg(format!("-Xmx{heap}m"))
            .args(
                self.quick_java
                    .then_some(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
                    .into_iter()
                    .flatten(),
            )
            .args(["-Djava.awt.headless=true", "-Dlog4j2.configurationFile=log4j2.yaml"])
            .args(["-cp".into(), self.jars.join("*").into_os_string()])
    }
}

impl Server for Kafka {
    const PART: Part = Part::Kafka;

    async fn start(&self, log: Log, enter: &impl Fn(State)) -> Result<Guarded, StackError> {
        create_folder(&self.folder)?;
        write(&self.folder.join("server.properties"), self.properties())?;
        write(&self.folder.join("log4j2.yaml"), LOGGING)?;
        // The formatter writes this file last.
        if !self.data().join("meta.properties").exists() {
            enter(State::Initialising);
            self.java(128)
                .args(["kafka.tools.StorageTool", "format", "--ignore-formatted"])
                .args(["-t", KAFKA_CLUSTER_ID, "-c", "server.properties"])
                .spawn(&log)?
                .complete("formatting Kafka's data folder", self.start_timeout)
                .await?;
        }
        enter(State::Starting);
        let mut broker = self
            .java(self.heap)
            .arg("-XX:+AutoCreateSharedArchive")
            .arg(format!("-XX:SharedArchiveFile={}", self.class_archive().display()))
            .args(["-XX:+ExitOnOutOfMemoryError", "kafka.Kafka", "server.properties"])
            .spawn(&log)?;
        drop(log);
        // The broker opens this port as the last step of its start, after the controller has admitted it.
        let answers = || async { TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() };
        broker.ready(self.start_timeout, answers).await?;
        Ok(broker)
    }
}
