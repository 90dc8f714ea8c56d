//! As much of a schema registry as the codec asks for, on a port of its own, ended when it is dropped.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct State {
    /// Every request, as `METHOD path`.
    pub requests: Vec<String>,
    /// By subject, from version 1 on.
    pub versions: HashMap<String, Vec<String>>,
    pub ids: HashMap<u32, Value>,
    pub levels: HashMap<String, String>,
    pub refuse_next_level: bool,
    /// Answer every request like this instead.
    pub fault: Option<(u16, Value)>,
}

pub(crate) struct RegistryStub {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stopped: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl RegistryStub {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let stopped = Arc::new(AtomicBool::new(false));
        let server = std::thread::spawn({
            let (state, stopped) = (Arc::clone(&state), Arc::clone(&stopped));
            move || {
                for connection in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    answer(&connection.unwrap(), &state);
                }
            }
        });
        Self { address, state, stopped, server: Some(server) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock())
    }

    pub(crate) fn register(&self, id: u32, schema: &str) {
        self.with(|state| state.ids.insert(id, json!({ "schema": schema })));
    }

    /// How many requests so far have this in their line.
    pub(crate) fn asked(&self, part: &str) -> usize {
        self.with(|state| state.requests.iter().filter(|request| request.contains(part)).count())
    }
}

impl Drop for RegistryStub {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the server, so that it sees the flag.
        drop(TcpStream::connect(self.address));
        if let Some(server) = self.server.take() {
            drop(server.join());
        }
    }
}

fn answer(connection: &TcpStream, state: &Mutex<State>) {
    // A client may open a connection and never use it; whoever stops the stub must not wait for that.
    connection.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    let mut length = 0;
    let mut request = None;
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line.trim() != "" {
        let lower = line.to_lowercase();
        if request.is_none() {
            request = Some(line.split(' ').take(2).collect::<Vec<_>>().join(" "));
        } else if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let Some(request) = request else { return };
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (status, body) = route(&request, &body, &mut state.lock());
    let body = body.to_string();
    let length = body.len();
    let mut connection = connection;
    write!(
        connection,
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
}

fn route(request: &str, body: &Value, state: &mut State) -> (u16, Value) {
    state.requests.push(request.to_owned());
    if let Some(fault) = &state.fault {
        return fault.clone();
    }
    let not_found = (404, json!({ "error_code": 40403, "message": "not found" }));
    let (method, path) = request.split_once(' ').unwrap();
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("POST", ["subjects", subject, "versions"]) => {
            let schema = body["schema"].as_str().unwrap().to_owned();
            let versions = state.versions.entry((*subject).to_owned()).or_default();
            if !versions.contains(&schema) {
                versions.push(schema.clone());
            }
            let known = state.ids.iter().find(|(_, value)| value["schema"] == schema.as_str());
            let id = known.map_or(100 + state.ids.len() as u32, |(id, _)| *id);
            state.ids.insert(id, json!({ "schema": schema }));
            (200, json!({ "id": id }))
        }
        ("GET", ["subjects", subject, "versions"]) => match state.versions.get(*subject) {
            Some(versions) => (200, json!((1..=versions.len()).collect::<Vec<_>>())),
            None => not_found,
        },
        ("GET", ["subjects", subject, "versions", version]) => {
            let version: usize = version.parse().unwrap();
            let schema = &state.versions[*subject][version - 1];
            (200, json!({ "subject": subject, "version": version, "id": version, "schema": schema }))
        }
        ("GET", ["schemas", "ids", id]) => match state.ids.get(&id.parse().unwrap()) {
            Some(schema) => (200, schema.clone()),
            None => not_found,
        },
        ("GET", ["config", subject]) => match state.levels.get(*subject) {
            Some(level) => (200, json!({ "compatibilityLevel": level })),
            None => not_found,
        },
        ("PUT", _) if std::mem::take(&mut state.refuse_next_level) => {
            (409, json!({ "error_code": 409, "message": "conflict" }))
        }
        ("PUT", ["config", subject]) => {
            let level = body["compatibility"].as_str().unwrap().to_owned();
            state.levels.insert((*subject).to_owned(), level);
            (200, body.clone())
        }
        _ => panic!("the stub knows no {request}"),
    }
}
