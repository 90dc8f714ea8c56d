//! The span of a request, by the semantic conventions for HTTP servers; and its order and trace for whatever is done meanwhile.

use std::time::SystemTime;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use minuet_telemetry::names::attribute;
use minuet_telemetry::{Kind, Span, TraceContext, Tracer};

/// Whether a caller's baggage is believed. A stranger's is left at the door: it would travel with every event that follows.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    OurOwn(Tracer),
    Anybody(Tracer),
}

/// The trace that a request came in, if it names a valid one.
pub fn incoming_trace(headers: &HeaderMap, with_baggage: bool) -> Option<TraceContext> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let baggage = if with_baggage { text("baggage") } else { None };
    TraceContext::parse(text("traceparent")?, text("tracestate"), baggage)
}

/// A layer for a router, by `axum::middleware::from_fn_with_state`.
pub async fn server_span(State(caller): State<Caller>, request: Request, next: Next) -> Response {
    let (tracer, believed) = match caller {
        Caller::OurOwn(tracer) => (tracer, true),
        Caller::Anybody(tracer) => (tracer, false),
    };
    let incoming = incoming_trace(request.headers(), believed);
    let context = tracer.request(incoming.as_ref());
    let begun = SystemTime::now();
    let recorded = context.as_ref().is_some_and(|context| tracer.records(context));
    let told = recorded.then(|| {
        let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
        (request.method().to_string(), request.uri().path().to_owned(), route)
    });
    // Who knows of no trace here has none in what is written either.
    let scope = context.clone().or_else(|| incoming.clone());
    let work = async {
        let response = next.run(request).await;
        (response, minuet_telemetry::order())
    };
    let (response, order) = minuet_telemetry::scope(scope, None, work).await;
    if let (Some((method, path, route)), Some(context)) = (told, context) {
        let name = route.as_deref().map_or_else(|| method.clone(), |route| format!("{method} {route}"));
        let status = response.status();
        let mut span = Span::new(name, Kind::Server, &context, begun)
            .until(SystemTime::now())
            .with("http.request.method", method)
            .with("url.scheme", "http")
            .with("url.path", path)
            .with("http.response.status_code", i64::from(status.as_u16()));
        if let Some(route) = route {
            span.set("http.route", route);
        }
        if let Some(order) = order {
            span.set(attribute::ORDER_ID, order);
        }
        if let Some(incoming) = incoming {
            span = span.under_remote(&incoming);
        }
        if status.is_server_error() {
            span = span.failed_with(status.as_str().to_owned(), status.to_string());
        }
        tracer.record(span);
    }
    response
}
