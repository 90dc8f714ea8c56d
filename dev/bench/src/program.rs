//! The program under test: its processes, from their start to their end.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use minuet_traces::Receiver;
use tokio::process::{Child, ChildStdin, Command};
use uuid::Uuid;

use crate::args::{Services, Variant};
use crate::scratch::Scratch;
use crate::servers::Servers;
use crate::{Args, BenchError, proc};

const NAMES: [&str; 4] = ["order", "inventory", "payment", "gateway"];
const READY: Duration = Duration::from_secs(60);
const STOPPED: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);
/// So much of a log is shown.
const TAIL: usize = 4_000;

/// Tells the program to stop once we are gone, however that happens: its standard input ends then.
const WATCHDOG: &str = "cat >/dev/null; kill -TERM \"$@\" 2>/dev/null";

/// Where it is, and who it is.
pub(crate) struct Program {
    commands: &'static [&'static str],
    pub(crate) pids: Vec<u32>,
    /// Of each instance.
    ports: Vec<[u16; 4]>,
    pub(crate) secret: String,
    /// Takes the spans, as long as the program runs.
    pub(crate) traces: Option<Receiver>,
}

/// Its processes. They are killed where this is dropped.
pub(crate) struct Children {
    running: Vec<Running>,
    watchdog: Option<(Child, ChildStdin)>,
}

struct Running {
    pid: u32,
    child: Child,
    log: PathBuf,
}

impl Program {
    pub(crate) fn start(
        args: &Args,
        binary: &Path,
        servers: &Servers,
        scratch: &Scratch,
    ) -> Result<(Self, Children), BenchError> {
        let folder = scratch.program()?;
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let ratio = args.sampling.first();
        let traces = ratio.map(|_| Receiver::start()).transpose()?;
        let mut common = match (&traces, ratio) {
            (Some(receiver), Some(ratio)) => vec![
                ("MINUET_TELEMETRY__ENDPOINT".to_owned(), receiver.url()),
                ("MINUET_TELEMETRY__SAMPLING".to_owned(), ratio.to_string()),
            ],
            _ => vec![("OTEL_SDK_DISABLED".to_owned(), "true".to_owned())],
        };
        if let Some(partitions) = args.size.partitions {
            common.push(("MINUET_TOPICS__PARTITIONS".to_owned(), partitions.to_string()));
        }
        common.extend(args.set.iter().map(|(name, value)| (variable(name), value.clone())));
        let commands: &'static [&'static str] = match (args.relay, args.services) {
            (Some(_), _) => &["order"],
            (None, Services::Together) => &["services"],
            (None, Services::Apart) => &NAMES,
        };
        let (mut running, mut ports): (Vec<Running>, Vec<[u16; 4]>) = (Vec::new(), Vec::new());
        for instance in 1..=args.size.instances {
            let own = free_ports()?;
            let settings = settings(args.variant, servers, own, &secret);
            let settings: Vec<(String, String)> = settings
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .chain(common.clone())
                .collect();
            for command in commands {
                running.push(start_one(binary, command, instance, &settings, &folder)?);
            }
            ports.push(own);
        }
        let pids: Vec<u32> = running.iter().map(|process| process.pid).collect();
        let children = Children { watchdog: Some(watch(&pids)?), running };
        Ok((Program { commands, pids, ports, secret, traces }, children))
    }

    pub(crate) fn gateway(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0][3])
    }

    /// Asks every service until it is ready.
    pub(crate) async fn ready(&self) -> Result<(), BenchError> {
        let begun = Instant::now();
        let runs = |name: &str| self.commands.contains(&name) || self.commands.contains(&"services");
        let all = self.ports.iter().flat_map(|ports| NAMES.into_iter().zip(ports));
        for (name, port) in all.filter(|(name, _)| runs(name)) {
            let url = format!("http://127.0.0.1:{port}/readyz");
            loop {
                let said = match reqwest::get(&url).await {
                    Ok(answer) if answer.status().is_success() => break,
                    Ok(answer) => answer.text().await.unwrap_or_default(),
                    Err(_) => "no answer".to_owned(),
                };
                if begun.elapsed() > READY {
                    let detail = format!(" ({name}: {said})");
                    return Err(BenchError::Late { what: "ready", seconds: READY.as_secs(), detail });
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// The metrics page of each service.
    pub(crate) fn metrics(&self) -> Vec<String> {
        let ports = self.ports.iter().flatten();
        ports.map(|port| format!("http://127.0.0.1:{port}/metrics")).collect()
    }

    /// The most memory that it had resident. Of several processes the sum of each one's most, which is at least that.
    pub(crate) fn peak_memory(&self) -> Result<u64, BenchError> {
        self.pids.iter().copied().map(proc::peak_memory).sum()
    }

    /// What it has resident now, in bytes.
    pub(crate) fn memory(&self) -> Result<u64, BenchError> {
        self.pids.iter().copied().map(proc::memory).sum()
    }
}

impl Children {
    /// Waits for an end that nobody has asked for.
    pub(crate) async fn ended(&mut self) -> BenchError {
        let ends = self.running.iter_mut().map(|process| {
            let log = process.log.clone();
            Box::pin(async move { (process.child.wait().await, log) })
        });
        let ((status, log), _, _) = futures::future::select_all(ends).await;
        // Its number may soon be another's: nobody is to be told to stop by it.
        if let Some((mut watchdog, _)) = self.watchdog.take() {
            drop(watchdog.start_kill());
        }
        ended(status, log)
    }

    pub(crate) async fn stop(mut self) -> Result<(), BenchError> {
        let Some((mut watchdog, pipe)) = self.watchdog.take() else { return Ok(()) };
        drop(pipe);
        drop(watchdog.wait().await);
        for Running { child, log, .. } in &mut self.running {
            match tokio::time::timeout(STOPPED, child.wait()).await {
                Ok(Ok(status)) if status.success() => {}
                Ok(status) => return Err(ended(status, log.clone())),
                Err(_) => {
                    let (seconds, detail) = (STOPPED.as_secs(), format!(" (see {})", log.display()));
                    return Err(BenchError::Late { what: "the end of the program", seconds, detail });
                }
            }
        }
        Ok(())
    }
}

fn watch(pids: &[u32]) -> Result<(Child, ChildStdin), BenchError> {
    let tried = |source| BenchError::Start { what: "sh".to_owned(), source };
    let mut watchdog = Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog"])
        .args(pids.iter().map(u32::to_string))
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(tried)?;
    let pipe = watchdog.stdin.take().ok_or_else(|| tried(std::io::ErrorKind::BrokenPipe.into()))?;
    Ok((watchdog, pipe))
}

fn ended(status: std::io::Result<ExitStatus>, log: PathBuf) -> BenchError {
    let text = std::fs::read(&log).unwrap_or_default();
    let tail =
        String::from_utf8_lossy(text.get(text.len().saturating_sub(TAIL)..).unwrap_or_default()).into_owned();
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    BenchError::Ended { status, log, tail }
}

fn start_one(
    binary: &Path,
    command: &str,
    instance: u32,
    settings: &[(String, String)],
    folder: &Path,
) -> Result<Running, BenchError> {
    let log = folder.join(format!("{command}-{instance}.log"));
    let output = File::create(&log).map_err(|source| BenchError::File { path: log.clone(), source })?;
    let tried = |source| BenchError::Start { what: binary.display().to_string(), source };
    let mut process = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MINUET_") {
            process.env_remove(name);
        }
    }
    let child = process
        .arg(command)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        // Ctrl-C is for us; the watchdog passes it on.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .map_err(tried)?;
    let pid = child.id().ok_or_else(|| tried(std::io::ErrorKind::NotFound.into()))?;
    Ok(Running { pid, child, log })
}

/// The environment variable of a setting: kafka.linger.ms is MINUET_KAFKA__LINGER_MS.
fn variable(setting: &str) -> String {
    let name = match setting.split_once('.') {
        Some(("kafka", name)) => format!("kafka__{}", name.replace('.', "_")),
        _ => setting.replace('.', "__"),
    };
    format!("MINUET_{}", name.to_uppercase())
}

/// All different: held until the last is chosen.
fn free_ports() -> Result<[u16; 4], BenchError> {
    let tried = |source| BenchError::Start { what: "a listener".to_owned(), source };
    let mut held = Vec::new();
    let mut ports = [0; 4];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(tried)?;
        *port = listener.local_addr().map_err(tried)?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// In the environment, where nobody else sees a password.
fn settings(
    variant: Variant,
    servers: &Servers,
    ports: [u16; 4],
    secret: &str,
) -> Vec<(&'static str, String)> {
    let [order, inventory, payment, gateway] = ports.map(|port| format!("127.0.0.1:{port}"));
    let (latency, success) = match variant {
        Variant::Standard | Variant::Hot => ("0", "1"),
        Variant::Provider => ("100", "0.95"),
    };
    let mut settings = vec![
        ("MINUET_KAFKA__BOOTSTRAP_SERVERS", servers.kafka.values().cloned().collect()),
        ("MINUET_REGISTRY__URL", servers.registry.clone()),
        ("MINUET_TELEMETRY__FILTER", "warn".to_owned()),
        // The counts of requests that are read from the metrics pages are as old as this.
        ("MINUET_KAFKA__STATISTICS_INTERVAL_MS", "1000".to_owned()),
        ("MINUET_ORDER__LISTEN", order.clone()),
        ("MINUET_INVENTORY__LISTEN", inventory.clone()),
        ("MINUET_PAYMENT__LISTEN", payment),
        ("MINUET_PAYMENT__PROVIDER__LATENCY_MS", latency.to_owned()),
        ("MINUET_PAYMENT__PROVIDER__SUCCESS_RATE", success.to_owned()),
        ("MINUET_GATEWAY__LISTEN", gateway),
        ("MINUET_GATEWAY__ORDER_URL", format!("http://{order}")),
        ("MINUET_GATEWAY__INVENTORY_URL", format!("http://{inventory}")),
        ("MINUET_GATEWAY__JWT_SECRET", secret.to_owned()),
    ];
    if !servers.prefix.is_empty() {
        settings.push(("MINUET_TOPIC_PREFIX", servers.prefix.clone()));
    }
    let urls = servers.databases.iter().map(|database| {
        let name = match database.service {
            "order" => "MINUET_ORDER__DATABASE_URL",
            "inventory" => "MINUET_INVENTORY__DATABASE_URL",
            _ => "MINUET_PAYMENT__DATABASE_URL",
        };
        (name, database.url.clone())
    });
    settings.extend(urls);
    settings
}
