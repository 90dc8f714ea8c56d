//! Programs by others, as processes. `make provider-test` installs them and says where: in the variables below.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// The program stripe-mock.
pub(super) const STRIPE_MOCK: &str = "STRIPE_MOCK";
/// A Python with the packages localstripe and stripe.
pub(super) const PYTHON: &str = "STRIPE_PYTHON";

const START_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn installed(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run make provider-test"))
}

/// Ends with the test.
pub(super) struct Emulator {
    pub(super) url: String,
    _process: Child,
}

impl Emulator {
    pub(super) async fn stripe_mock() -> Self {
        Emulator::start(&installed(STRIPE_MOCK), |port| {
            vec!["-strict-version-check".into(), "-http-addr".into(), format!("127.0.0.1:{port}")]
        })
        .await
    }

    pub(super) async fn localstripe() -> Self {
        Emulator::start(&installed(PYTHON), |port| {
            ["-m", "localstripe", "--from-scratch", "--port", &port.to_string()].map(str::to_owned).to_vec()
        })
        .await
    }

    async fn start(program: &str, arguments: impl FnOnce(u16) -> Vec<String>) -> Self {
        // Nobody else takes the port in the moment before the program does, or the start fails.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new(program)
            .args(arguments(port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = process.try_wait().unwrap() {
                panic!("{program} ended at its start: {status}");
            }
            assert!(Instant::now() < deadline, "{program} does not listen on port {port}");
            sleep(Duration::from_millis(50)).await;
        }
        Emulator { url: format!("http://127.0.0.1:{port}"), _process: process }
    }
}
