//! Requests on their way through the router: they tell the connection what is waited for.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response};
use axum::response::IntoResponse;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tower_service::Service;

use super::activity::Activity;
use crate::caller_limits::PeerAddress;
use crate::problem::{Problem, ProblemType};

/// Answered on every connection, also where there is room for nothing else.
const ALWAYS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// A router behind one connection.
pub(super) struct Requests {
    pub(super) router: Router,
    pub(super) peer: PeerAddress,
    pub(super) activity: Arc<Activity>,
    /// Beyond the bound: only for [`ALWAYS`].
    pub(super) reserved: bool,
}

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response<Tracked<Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let is_open = self.activity.request_began(request.body().is_end_stream());
        let activity = Arc::clone(&self.activity);
        let tracked = move |body| Tracked { body, activity, part: Part::Response };
        if !is_open || self.reserved && !ALWAYS.contains(&request.uri().path()) {
            let detail = "as many connections are open here as are taken; try again";
            let mut refused = Problem::new(ProblemType::OVERLOADED, detail).into_response();
            refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return Box::pin(std::future::ready(Ok(refused.map(tracked))));
        }
        let activity = Arc::clone(&self.activity);
        let mut request = request.map(|body| Body::new(Tracked { body, activity, part: Part::Request }));
        request.extensions_mut().insert(self.peer);
        let mut router = self.router.clone();
        let answered = Service::<Request<Body>>::call(&mut router, request);
        Box::pin(async move { Ok(answered.await?.map(tracked)) })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Request,
    Response,
}

/// A body that says when it is at its end, or given up.
pub(super) struct Tracked<B> {
    body: B,
    activity: Arc<Activity>,
    part: Part,
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let is_over = matches!(polled, Poll::Ready(None)) || self.body.is_end_stream();
        if self.part == Part::Request && is_over {
            self.activity.body_ended();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Tracked<B> {
    fn drop(&mut self) {
        match self.part {
            Part::Request => self.activity.body_ended(),
            Part::Response => self.activity.answered(),
        }
    }
}
