//! A server that answers as the test says, and notes what it was asked.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use futures::stream;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One answer.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Json(u16, Value),
    /// With a header.
    With(u16, (&'static str, &'static str), Value),
    Text(u16, &'static str),
    /// The connection ends in mid-answer.
    Cut,
    Never,
}

#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) struct Scripted {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Scripted {
    /// The answers in their order; the last one for every request that follows.
    pub(super) async fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let router = Router::new().fallback(async move |method: Method, uri: Uri, headers, body: Bytes| {
            let body = String::from_utf8(body.to_vec()).unwrap();
            noted.lock().push(Asked { method, path: uri.to_string(), headers, body });
            let reply = {
                let mut replies = replies.lock();
                if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
            };
            respond(reply.expect("an answer")).await
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Scripted { url, asked, serving }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }
}

async fn respond(reply: Reply) -> Response {
    let response = |status| Response::builder().status(StatusCode::from_u16(status).unwrap());
    match reply {
        Reply::Json(status, value) => response(status).body(Body::from(value.to_string())).unwrap(),
        Reply::With(status, (name, header), value) => {
            response(status).header(name, header).body(Body::from(value.to_string())).unwrap()
        }
        Reply::Text(status, text) => response(status).body(Body::from(text)).unwrap(),
        Reply::Cut => cut(),
        Reply::Never => std::future::pending().await,
    }
}

pub(super) fn cut() -> Response {
    let parts = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("cut"))];
    Response::new(Body::from_stream(stream::iter(parts)))
}

pub(super) fn intent(status: &str) -> Value {
    json!({
        "id": "pi_1", "object": "payment_intent", "status": status, "amount": 2500, "currency": "eur",
        "metadata": {}, "client_secret": "pi_1_secret_x", "payment_method_types": ["card"],
        "next_action": null, "last_payment_error": null,
    })
}

pub(super) fn declined(code: &str) -> Value {
    json!({ "error": {
        "type": "card_error", "code": "card_declined", "decline_code": code, "message": "Your card was declined.",
        "payment_intent": intent("requires_payment_method"),
    }})
}

pub(super) fn unexpected_state() -> Value {
    json!({ "error": {
        "type": "invalid_request_error", "code": "payment_intent_unexpected_state", "message": "not in this state",
    }})
}
