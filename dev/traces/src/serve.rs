use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsServiceServer;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::TraceServiceServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::receive::{Receive, http_lines, http_spans};
use crate::store::Store;
use crate::view;

const LARGEST: usize = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    #[error("the receiver of traces cannot listen")]
    Listen(#[source] io::Error),
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    pub store: Arc<Store>,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Receiver {
    /// On a free port of this machine.
    pub fn start() -> Result<Receiver, ReceiverError> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(ReceiverError::Listen)?;
        Receiver::on(listener)
    }

    /// Within a runtime.
    pub fn on(listener: std::net::TcpListener) -> Result<Receiver, ReceiverError> {
        listener.set_nonblocking(true).map_err(ReceiverError::Listen)?;
        let listener = TcpListener::from_std(listener).map_err(ReceiverError::Listen)?;
        let address = listener.local_addr().map_err(ReceiverError::Listen)?;
        let (store, stop) = (Arc::new(Store::default()), CancellationToken::new());
        let receive = Receive(Arc::clone(&store));
        let router = Router::new()
            .route("/v1/traces", post(http_spans))
            .route("/v1/logs", post(http_lines))
            .with_state(receive.clone())
            .route("/", get(view::orders))
            .route("/all", get(view::all))
            .route("/trace/{id}", get(view::trace))
            .route("/order/{id}", get(view::order))
            .with_state(Arc::clone(&store))
            .route_service(
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                TraceServiceServer::new(receive.clone()).max_decoding_message_size(LARGEST),
            )
            .route_service(
                "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
                LogsServiceServer::new(receive).max_decoding_message_size(LARGEST),
            )
            .layer(DefaultBodyLimit::max(LARGEST));
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = axum::serve(listener, router) => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Receiver { store, address, stop })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
