//! OTLP's two services, over gRPC and over HTTP/protobuf. <https://opentelemetry.io/docs/specs/otlp/>

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsService;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::TraceService;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use tonic::{Request, Response, Status};

use crate::span::{LogLine, Span, pairs};
use crate::store::Store;

#[derive(Clone)]
pub(crate) struct Receive(pub(crate) Arc<Store>);

impl Receive {
    fn spans(&self, request: ExportTraceServiceRequest) {
        for resource in request.resource_spans {
            let service = service_name(resource.resource);
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.0.add(spans.map(|span| Span::read(&service, span)));
        }
    }

    fn lines(&self, request: ExportLogsServiceRequest) {
        for resource in request.resource_logs {
            let service = service_name(resource.resource);
            let records = resource.scope_logs.into_iter().flat_map(|scope| scope.log_records);
            self.0.add_lines(records.map(|record| LogLine::read(&service, record)));
        }
    }
}

fn service_name(resource: Option<Resource>) -> String {
    let attributes = pairs(resource.map(|resource| resource.attributes).unwrap_or_default());
    let name = attributes.into_iter().find(|(key, _)| key == "service.name");
    name.map(|(_, name)| name).unwrap_or_default()
}

#[tonic::async_trait]
impl TraceService for Receive {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.spans(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Receive {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.lines(request.into_inner());
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

/// `POST /v1/traces`. An empty answer is an empty message: everything was taken.
pub(crate) async fn http_spans(State(receive): State<Receive>, body: Bytes) -> StatusCode {
    match ExportTraceServiceRequest::decode(body) {
        Ok(request) => receive.spans(request),
        Err(_) => return StatusCode::BAD_REQUEST,
    }
    StatusCode::OK
}

/// `POST /v1/logs`.
pub(crate) async fn http_lines(State(receive): State<Receive>, body: Bytes) -> StatusCode {
    match ExportLogsServiceRequest::decode(body) {
        Ok(request) => receive.lines(request),
        Err(_) => return StatusCode::BAD_REQUEST,
    }
    StatusCode::OK
}
