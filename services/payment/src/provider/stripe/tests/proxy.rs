//! A proxy in front of an emulator. It keeps idempotency keys as Stripe documents them, which localstripe does not, and disturbs
//! the requests that a test names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use parking_lot::Mutex;
use reqwest::Url;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::scripted::cut;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not arrive.
    CutBefore,
    /// It is carried out; its answer is lost.
    CutAfter,
    /// Its answer comes later than the client waits.
    Late(Duration),
    /// It arrives twice.
    Doubled,
    /// It is carried out, and answered by a fault, which is kept under its key.
    Kept(u16),
    /// A gateway in between has it: not carried out, kept nowhere.
    Refused(u16),
}

/// What is kept under a key.
#[derive(Clone)]
enum KeyState {
    UnderWay,
    Answered { request: String, status: u16, body: Bytes },
}

#[derive(Default)]
struct State {
    keys: BTreeMap<String, KeyState>,
    /// Each is used once, for the first request whose method and path end with the text.
    faults: Vec<(&'static str, Fault)>,
    /// The requests that were passed on.
    passed: Vec<String>,
}

pub(super) struct Proxy {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Proxy {
    pub(super) async fn before(upstream: &str) -> Self {
        let (upstream, http) = (upstream.to_owned(), reqwest::Client::builder().no_proxy().build().unwrap());
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let router =
            Router::new().fallback(async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let request =
                    Request { upstream, http, state: shared, method, uri, headers, body: supported(&body) };
                // Carried out to its end, also when the client has gone.
                tokio::spawn(request.answer()).await.unwrap()
            });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Proxy { url, state, serving }
    }

    /// Disturbs the next request whose method and path end with the text.
    pub(super) fn disturb(&self, path: &'static str, fault: Fault) {
        self.state.lock().faults.push((path, fault));
    }

    /// As Stripe may after 24 hours.
    pub(super) fn forget_keys(&self) {
        self.state.lock().keys.clear();
    }

    /// The requests that reached the emulator and whose path contains the text.
    pub(super) fn passed(&self, path: &str) -> usize {
        self.state.lock().passed.iter().filter(|line| line.contains(path)).count()
    }

    /// That every fault has been used.
    pub(super) fn is_quiet(&self) -> bool {
        self.state.lock().faults.is_empty()
    }
}

/// localstripe refuses what it does not know.
fn supported(body: &Bytes) -> String {
    let text = std::str::from_utf8(body).unwrap();
    text.split('&').filter(|pair| !pair.starts_with("return_url=")).collect::<Vec<_>>().join("&")
}

struct Request {
    upstream: String,
    http: reqwest::Client,
    state: Arc<Mutex<State>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
}

impl Request {
    async fn answer(self) -> Response {
        let fault = {
            let mut state = self.state.lock();
            let line = format!("{} {}", self.method, self.uri.path());
            let at = state.faults.iter().position(|(path, _)| line.ends_with(path));
            at.map(|at| state.faults.remove(at).1)
        };
        match fault {
            None => self.once(None).await,
            Some(Fault::CutBefore) => cut(),
            Some(Fault::CutAfter) => {
                self.once(None).await;
                cut()
            }
            Some(Fault::Late(by)) => {
                let answer = self.once(None).await;
                tokio::time::sleep(by).await;
                answer
            }
            Some(Fault::Doubled) => {
                let (first, second) = tokio::join!(self.once(None), self.once(None));
                // The answer to either may be the one that arrives.
                if first.status() == StatusCode::CONFLICT { second } else { first }
            }
            Some(Fault::Kept(status)) => self.once(Some(status)).await,
            Some(Fault::Refused(status)) => respond(status, Bytes::from_static(b"<html>"), false),
        }
    }

    /// With `fault`, what is answered, and kept, in place of the answer.
    async fn once(&self, fault: Option<u16>) -> Response {
        let key = self.headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
        let Some(key) = key else {
            let (status, body) = self.pass().await;
            return respond(fault.unwrap_or(status), body, false);
        };
        let request = format!("{} {} {}", self.method, self.uri, self.body);
        let kept = self.state.lock().keys.get(&key).cloned();
        match kept {
            Some(KeyState::UnderWay) => return refuse(409, "idempotency_key_in_use"),
            Some(KeyState::Answered { request: first, .. }) if first != request => {
                return refuse(400, "other_parameters");
            }
            Some(KeyState::Answered { status, body, .. }) => return respond(status, body, true),
            None => {}
        }
        self.state.lock().keys.insert(key.clone(), KeyState::UnderWay);
        let (status, body) = self.pass().await;
        let status = fault.unwrap_or(status);
        self.state.lock().keys.insert(key, KeyState::Answered { request, status, body: body.clone() });
        respond(status, body, false)
    }

    async fn pass(&self) -> (u16, Bytes) {
        self.state.lock().passed.push(format!("{} {}", self.method, self.uri));
        let url = Url::parse(&format!("{}{}", self.upstream, self.uri)).unwrap();
        let mut request = self.http.request(self.method.clone(), url);
        for name in ["authorization", "content-type"] {
            if let Some(value) = self.headers.get(name) {
                request = request.header(name, value);
            }
        }
        let answer = request.body(self.body.clone()).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    }
}

fn respond(status: u16, body: Bytes, is_replayed: bool) -> Response {
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    let response = if is_replayed { response.header("idempotent-replayed", "true") } else { response };
    response.body(Body::from(body)).unwrap()
}

fn refuse(status: u16, code: &str) -> Response {
    let body = json!({ "error": { "type": "idempotency_error", "code": code } });
    respond(status, Bytes::from(body.to_string()), false)
}
