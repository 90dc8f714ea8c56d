//! The server against clients that only a socket can be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{ClientTimeouts, Connections, ServerSettings, bind, serve_with};

/// How long a test waits for what must happen.
const SOON: Duration = Duration::from_secs(20);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

struct Server {
    address: SocketAddr,
    connections: Arc<Connections>,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    /// Requests to `/slow` tell that they are there, and wait until they may go.
    arrived: Arc<Semaphore>,
    go: Arc<Semaphore>,
}

impl Server {
    async fn start(max: usize, timeouts: ClientTimeouts) -> Server {
        let connections = Connections::new(max);
        Server::beside(&connections, timeouts).await
    }

    async fn beside(connections: &Arc<Connections>, timeouts: ClientTimeouts) -> Server {
        let (arrived, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (to_arrive, to_go) = (Arc::clone(&arrived), Arc::clone(&go));
        let slow = async move || {
            to_arrive.add_permits(1);
            to_go.acquire().await.unwrap().forget();
        };
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/healthz", get(async || "healthy"))
            .route("/large", get(async || "x".repeat(64 * 1024 * 1024)))
            .route("/slow", get(slow))
            .route(
                "/body",
                post(async |request: Request| {
                    to_bytes(request.into_body(), 1024).await.map_or(0, |bytes| bytes.len()).to_string()
                }),
            );
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let settings =
            ServerSettings { timeouts, connections: Arc::clone(connections), ..ServerSettings::default() };
        let serving = tokio::spawn(serve_with(listener, router, stop.clone(), settings));
        Server { address, connections: Arc::clone(connections), stop, serving, arrived, go }
    }

    async fn connect(&self, bytes: &[u8]) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(bytes).await.unwrap();
        client
    }

    /// Waits until so many connections are open.
    async fn opens(&self, wanted: usize) {
        let until = Instant::now() + SOON;
        while self.connections.len() != wanted {
            assert!(Instant::now() < until, "{} are open, not {wanted}", self.connections.len());
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// Everything until the server closes the connection.
async fn rest(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is an end too.
    let read = tokio::time::timeout(SOON, client.read_to_end(&mut bytes)).await;
    drop(read.expect("the server closes the connection"));
    String::from_utf8(bytes).unwrap()
}

/// The head and the body of the next answer.
async fn answer(client: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse::<usize>().unwrap() {
                return (head.to_owned(), body.to_owned());
            }
        }
        let mut more = [0; 4096];
        let length = tokio::time::timeout(SOON, client.read(&mut more)).await.expect("an answer").unwrap();
        assert!(length > 0, "closed after {text:?}");
        bytes.extend_from_slice(&more[..length]);
    }
}

fn patient() -> ClientTimeouts {
    let long = Duration::from_secs(600);
    ClientTimeouts { header: long, idle: long, body: long, write: long }
}

#[tokio::test]
async fn several_requests_go_over_one_connection() {
    let server = Server::start(10, patient()).await;
    let mut client =
        server.connect(&[GET, GET, b"POST /body HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc"].concat()).await;
    let mut all = String::new();
    while all.matches("HTTP/1.1 200 OK").count() < 3 || !all.ends_with("\r\n\r\n3") {
        let (head, body) = answer(&mut client).await;
        all.push_str(&format!("{head}\r\n\r\n{body}"));
    }
    client.write_all(GET).await.unwrap();
    assert_eq!(answer(&mut client).await.1, "here");
    assert_eq!(server.connections.len(), 1);
    drop(client);
    server.opens(0).await;
    server.stop().await;
}

#[tokio::test]
async fn each_part_of_a_request_has_its_time() {
    let short = Duration::from_millis(50);
    for (timeouts, sent) in [
        (ClientTimeouts { idle: short, ..patient() }, b"".as_slice()),
        (ClientTimeouts { header: short, ..patient() }, b"GET / HTTP/1.1\r\nhost: te"),
        (ClientTimeouts { body: short, ..patient() }, b"POST /body HTTP/1.1\r\ncontent-length: 9\r\n\r\nab"),
    ] {
        let server = Server::start(10, timeouts).await;
        let mut client = server.connect(sent).await;
        assert_eq!(rest(&mut client).await, "", "{timeouts:?}");
        server.opens(0).await;
        // After an answer the time begins again.
        let mut client = server.connect(GET).await;
        assert_eq!(answer(&mut client).await.1, "here");
        client.write_all(sent).await.unwrap();
        assert_eq!(rest(&mut client).await, "", "{timeouts:?}");
        server.stop().await;
    }
    // A client that reads nothing of its answer.
    let server = Server::start(10, ClientTimeouts { write: short, ..patient() }).await;
    let client = server.connect(b"GET /large HTTP/1.1\r\nhost: test\r\n\r\n").await;
    server.opens(1).await;
    server.opens(0).await;
    drop(client);
    server.stop().await;
}

/// Who waits for us is not closed, however long that takes.
#[tokio::test]
async fn a_request_that_is_being_answered_has_no_time_limit_here() {
    let short = Duration::from_millis(50);
    let timeouts = ClientTimeouts { header: short, idle: short, body: short, write: short };
    let server = Server::start(10, timeouts).await;
    let mut client = server.connect(b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await;
    // Another client is closed meanwhile, and one more after it: the interval has come round.
    for _ in 0..2 {
        assert_eq!(rest(&mut server.connect(b"").await).await, "");
    }
    server.go.add_permits(1);
    assert!(answer(&mut client).await.0.starts_with("HTTP/1.1 200 OK"));
    server.stop().await;
}

#[tokio::test]
async fn the_one_that_is_waited_for_longest_makes_room() {
    let server = Server::start(3, patient()).await;
    let mut half = server.connect(b"GET / HTTP/1.1\r\nhost: te").await;
    server.opens(1).await;
    let mut nothing = server.connect(b"").await;
    server.opens(2).await;
    let mut body = server.connect(b"POST /body HTTP/1.1\r\ncontent-length: 9\r\n\r\nab").await;
    server.opens(3).await;
    for displaced in [&mut half, &mut nothing, &mut body] {
        let mut next = server.connect(GET).await;
        assert_eq!(answer(&mut next).await.1, "here");
        assert_eq!(rest(displaced).await, "");
        drop(next);
        server.opens(2).await;
        let _keeps_the_place = server.connect(b"").await;
        server.opens(3).await;
        std::mem::forget(_keeps_the_place);
    }
    server.stop().await;
}

/// Of two servers the one with most slow clients pays.
#[tokio::test]
async fn the_servers_of_a_process_do_not_pay_for_each_other() {
    let connections = Connections::new(8);
    let (quiet, flooded) =
        (Server::beside(&connections, patient()).await, Server::beside(&connections, patient()).await);
    let mut kept = quiet.connect(GET).await;
    assert_eq!(answer(&mut kept).await.1, "here");
    let mut slow = Vec::new();
    for _ in 0..50 {
        slow.push(flooded.connect(b"GET / HT").await);
        let mut other = flooded.connect(GET).await;
        assert_eq!(answer(&mut other).await.1, "here");
    }
    kept.write_all(GET).await.unwrap();
    assert_eq!(answer(&mut kept).await.1, "here", "it was open before all of them");
    for server in [quiet, flooded] {
        server.stop().await;
    }
}

#[tokio::test]
async fn where_every_place_is_taken_by_a_request_health_is_still_told() {
    let server = Server::start(2, patient()).await;
    let slow = b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n";
    let mut asking = [server.connect(slow).await, server.connect(slow).await];
    server.arrived.acquire_many(2).await.unwrap().forget();
    let mut one_too_many = server.connect(GET).await;
    let (head, body) = answer(&mut one_too_many).await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert!(head.contains("application/problem+json") && head.contains("connection: close"), "{head}");
    assert!(body.contains("/problems/overloaded"), "{body}");
    let mut healthy = server.connect(b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert_eq!(answer(&mut healthy).await.1, "healthy");
    server.go.add_permits(2);
    for client in &mut asking {
        assert!(answer(client).await.0.starts_with("HTTP/1.1 200 OK"));
    }
    server.stop().await;
}

#[tokio::test]
async fn what_the_library_refuses_is_a_problem_document() {
    let server = Server::start(10, patient()).await;
    let long = |bytes: usize| "x".repeat(bytes);
    let many: String = (0..200).map(|i| format!("x-{i}: 1\r\n")).collect();
    for (sent, status, slug) in [
        ("nonsense\r\n\r\n".to_owned(), 400, "malformed-request"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400, "malformed-request"),
        ("GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(), 400, "malformed-request"),
        ("GET / HTTP/1.1\r\nx: a\0b\r\n\r\n".to_owned(), 400, "malformed-request"),
        ("POST /body HTTP/1.1\r\ncontent-length: x\r\n\r\n".to_owned(), 400, "malformed-request"),
        (
            "POST /body HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned(),
            400,
            "malformed-request",
        ),
        ("POST /body HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n".to_owned(), 400, "malformed-request"),
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", long(40_000)), 431, "headers-too-large"),
        // Before the library has read so much of a target that it would say 414.
        (format!("GET /{} HTTP/1.1\r\n\r\n", long(100_000)), 431, "headers-too-large"),
        (format!("GET / HTTP/1.1\r\nx: {}", long(3_000_000)), 431, "headers-too-large"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431, "headers-too-large"),
    ] {
        let mut client = server.connect(b"").await;
        // The server may close before it has read all of that.
        let (mut from, mut to) = client.split();
        let sending = async {
            drop(to.write_all(sent.as_bytes()).await);
        };
        let reading = async {
            let mut bytes = Vec::new();
            drop(tokio::time::timeout(SOON, from.read_to_end(&mut bytes)).await.expect("an end"));
            String::from_utf8(bytes).unwrap()
        };
        let (_, answered) = tokio::join!(sending, reading);
        let short: String = sent.chars().take(60).collect();
        let (head, body) =
            answered.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{short:?}: {answered:?}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{short:?}: {head}");
        assert!(head.contains("content-type: application/problem+json"), "{short:?}: {head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{short:?}: {head}");
        assert!(body.contains(&format!("\"type\":\"/problems/{slug}\"")), "{short:?}: {body}");
    }
    // Behind good ones.
    let mut client = server.connect(&[GET, GET, b"nonsense\r\n\r\n"].concat()).await;
    let all = rest(&mut client).await;
    assert_eq!(
        (all.matches("HTTP/1.1 200 OK").count(), all.matches("malformed-request").count()),
        (2, 1),
        "{all}"
    );
    server.stop().await;
}

#[tokio::test]
async fn open_requests_are_finished_at_shutdown_and_idle_connections_closed() {
    let server = Server::start(10, patient()).await;
    let mut idle = server.connect(GET).await;
    assert_eq!(answer(&mut idle).await.1, "here");
    let mut asking = server.connect(b"POST /body HTTP/1.1\r\ncontent-length: 3\r\n\r\na").await;
    server.opens(2).await;
    let Server { stop, serving, address, .. } = server;
    stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    let until = Instant::now() + SOON;
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < until, "new connections are taken");
    }
    asking.write_all(b"bc").await.unwrap();
    assert!(rest(&mut asking).await.ends_with("\r\n\r\n3"));
    serving.await.unwrap().unwrap();
}
