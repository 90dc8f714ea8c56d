//! The server span of a request, by OpenTelemetry's conventions for HTTP. The request's work runs in the scope of its trace.

use std::time::SystemTime;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use minuet_telemetry::{Kind, Span, TraceContext, Tracer};

const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// The callers of a router. The baggage of a caller travels with every event that follows, so only that of own services is kept.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    /// Other services of this system, on a private address.
    OurOwn(Tracer),
    /// Anybody. Baggage is dropped.
    Anybody(Tracer),
}

/// The trace that a request names in `traceparent`. `None`: it names none, or an invalid one.
pub fn incoming_trace(headers: &HeaderMap, with_baggage: bool) -> Option<TraceContext> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let baggage = if with_baggage { text("baggage") } else { None };
    TraceContext::parse(text("traceparent")?, text("tracestate"), baggage)
}

/// Records one server span for each request, in the trace that the request names or in a new one. The span names the matched
/// route, never the path as a name: paths have no bound. The answer names the trace in `traceresponse` (W3C Trace Context, level 2); without
/// export only if the request named one.
///
/// ```
/// use axum::routing::get;
/// use axum::{Router, middleware};
/// use minuet_http::{Caller, server_span};
/// use minuet_telemetry::Tracer;
///
/// let caller = Caller::OurOwn(Tracer::of("shipping"));
/// let router: Router = Router::new()
///     .route("/deliveries/{id}", get(async || "on its way"))
///     .layer(middleware::from_fn_with_state(caller, server_span));
/// ```
pub async fn server_span(State(caller): State<Caller>, request: Request, next: Next) -> Response {
    let (tracer, keep_baggage) = match caller {
        Caller::OurOwn(tracer) => (tracer, true),
        Caller::Anybody(tracer) => (tracer, false),
    };
    let incoming = incoming_trace(request.headers(), keep_baggage);
    let context = tracer.request(incoming.as_ref());
    let begun = SystemTime::now();
    let recorded = context.as_ref().is_some_and(|context| tracer.records(context));
    let described = recorded.then(|| {
        let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
        (request.method().to_string(), request.uri().path().to_owned(), route)
    });
    // Without export the incoming trace is still on the log lines.
    let scope = context.clone().or_else(|| incoming.clone());
    let work = async {
        let response = next.run(request).await;
        (response, minuet_telemetry::subject())
    };
    let told = scope.as_ref().and_then(|trace| HeaderValue::try_from(&*trace.traceparent).ok());
    let (mut response, subject) = minuet_telemetry::scope(scope, None, work).await;
    if let Some(trace) = told {
        response.headers_mut().insert(TRACE_RESPONSE, trace);
    }
    if let (Some((method, path, route)), Some(context)) = (described, context) {
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
        if let Some(subject) = subject {
            span.set_subject(subject);
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
