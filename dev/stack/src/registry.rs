//! Apicurio Registry, a Quarkus program that keeps its schemas in PostgreSQL.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::constants::{REGISTRY_DATABASE, REGISTRY_PATH, REGISTRY_SETTINGS, ROLE};
use crate::error::{StackError, create_folder};
use crate::guard::{Guarded, Launch};
use crate::log::Log;
use crate::server::Server;
use crate::{Part, State};

#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) java: PathBuf,
    pub(crate) application: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) management_port: u16,
    pub(crate) postgres_port: u16,
    pub(crate) password: String,
    /// MiB.
    pub(crate) heap: u32,
    pub(crate) start_timeout: Duration,
}

impl Registry {
    fn launch(&self) -> Launch {
        let database = format!("jdbc:postgresql://127.0.0.1:{}/{REGISTRY_DATABASE}", self.postgres_port);
        let launch = Launch::new(Part::Registry, &self.java, &self.folder)
            .arg(format!("-Xmx{}m", self.heap))
            .arg("-XX:+AutoCreateSharedArchive")
            .arg(format!("-XX:SharedArchiveFile={}", self.application.with_extension("jsa").display()))
            // It serves few requests, so it never pays back what the second compiler costs at its start.
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-jar"])
            .arg(self.application.join("quarkus-run.jar"))
            .env("APICURIO_DATASOURCE_URL", database)
            .env("APICURIO_DATASOURCE_USERNAME", ROLE)
            .env("APICURIO_DATASOURCE_PASSWORD", &self.password)
            .env("QUARKUS_HTTP_HOST", "127.0.0.1")
            .env("QUARKUS_HTTP_PORT", self.port.to_string())
            .env("QUARKUS_MANAGEMENT_HOST", "127.0.0.1")
            .env("QUARKUS_MANAGEMENT_PORT", self.management_port.to_string());
        REGISTRY_SETTINGS.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
    }

    /// Whether it answers a question for which it needs its database.
    async fn answers(&self) -> bool {
        let ask = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            let request = format!("GET {REGISTRY_PATH}/subjects HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut status = [0; 12];
            stream.read_exact(&mut status).await?;
            std::io::Result::Ok(status.ends_with(b" 200"))
        };
        matches!(tokio::time::timeout(Duration::from_secs(5), ask).await, Ok(Ok(true)))
    }
}

impl Server for Registry {
    const PART: Part = Part::Registry;

    async fn start(&self, log: Log, enter: &impl Fn(State)) -> Result<Guarded, StackError> {
        enter(State::Starting);
        create_folder(&self.folder)?;
        let mut registry = self.launch().spawn(&log)?;
        drop(log);
        registry.ready(self.start_timeout, || self.answers()).await?;
        Ok(registry)
    }
}
