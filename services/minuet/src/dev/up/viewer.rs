//! Where the traces of `minuet up` are shown, unless they go somewhere else.

use std::net::TcpListener;

use minuet_traces::Receiver;

use super::endpoints::UpError;
use super::plan;
use crate::settings::Settings;

/// An address that is taken before telemetry is set up, which has to know it.
#[derive(Debug)]
pub(crate) struct Viewer {
    listener: TcpListener,
    url: String,
}

impl Viewer {
    /// None: the settings or the environment name a receiver, or want none.
    pub(crate) fn open(settings: &Settings) -> Result<Option<Viewer>, UpError> {
        let named =
            ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"];
        let in_environment =
            named.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        if settings.telemetry.endpoint.is_some() || in_environment {
            return Ok(None);
        }
        let wanted = settings.up.traces_port;
        let port = plan::free(wanted)?;
        let listener = TcpListener::bind(("127.0.0.1", port))
            .map_err(|source| UpError::Port { port: wanted, source })?;
        Ok(Some(Viewer { listener, url: format!("http://127.0.0.1:{port}") }))
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn serve(self) -> Result<Receiver, UpError> {
        Ok(Receiver::on(self.listener)?)
    }
}
