//! An installation of its own whose four services are processes, with something to sell.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use minuet_messaging::failpoint::Failpoint;
use minuet_tests::{Api, Folder, Minuet, Options, Process, SERVICES, Servers, World, until};
use parking_lot::Mutex;

const SECRET: &str = "a secret of the crash kit, long enough for HS256";
pub(super) const ALL: [&str; 4] = ["order", "inventory", "payment", "gateway"];

/// Sold in abundance.
pub(super) const PLENTY: [&str; 2] = ["MUG", "CHAIR"];
/// Less of it is there than is asked for.
pub(super) const SCARCE: &str = "VASE";
/// The provider declines it.
pub(super) const DECLINED: &str = "PIANO";
/// The provider never answers.
pub(super) const HANGING: &str = "ORGAN";

/// SKU, price, stock
type Good = (&'static str, &'static str, &'static [(&'static str, i32)]);

const GOODS: [Good; 5] = [
    ("MUG", "12.50", &[("BER", 100_000)]),
    ("CHAIR", "49.90", &[("BER", 500), ("HAM", 100_000)]),
    (SCARCE, "30.00", &[("BER", 4)]),
    (DECLINED, "9999.02", &[("BER", 100_000)]),
    (HANGING, "9999.08", &[("BER", 100_000)]),
];

pub(super) struct Shop {
    // Before the folder, which waits for those who work in it.
    running: Mutex<BTreeMap<&'static str, Arc<Process>>>,
    pub(super) world: World,
    pub(super) api: Api,
    folder: Folder,
    ports: BTreeMap<&'static str, u16>,
    settings: Vec<(String, String)>,
}

impl Shop {
    /// Nothing runs in it yet. `settings` as the environment gives them, before what every shop has.
    pub(super) async fn new(servers: Servers<'_>, options: Options, settings: &[(&str, &str)]) -> Shop {
        let world = World::on(servers, options).await;
        let ports: BTreeMap<_, _> = ALL.into_iter().map(|service| (service, free_port())).collect();
        let api = Api::new((Ipv4Addr::LOCALHOST, ports["gateway"]).into(), SECRET);
        let settings = settings.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Shop { world, api, folder: Folder::new(), ports, settings, running: Mutex::default() }
    }

    /// Of those that are started from now on.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    fn command(&self, service: &str) -> Minuet {
        let url = |service| format!("http://127.0.0.1:{}", self.ports[service]);
        let ledger = self.ledger();
        let mut command = self
            .world
            .process(&self.folder, service)
            .env("MINUET_GATEWAY__JWT_SECRET", SECRET)
            .env("MINUET_GATEWAY__ORDER_URL", url("order"))
            .env("MINUET_GATEWAY__INVENTORY_URL", url("inventory"))
            .env("MINUET_ORDER__SWEEP_INTERVAL_MS", "200")
            .env("MINUET_INVENTORY__SWEEP_INTERVAL_MS", "200")
            // What hangs at the provider ends by this.
            .env("MINUET_INVENTORY__RESERVATION_SECONDS", "12")
            .env("MINUET_PAYMENT__PROVIDER__LATENCY_MS", "20")
            .env("MINUET_PAYMENT__PROVIDER__SUCCESS_RATE", "0.9")
            .env("MINUET_PAYMENT__PROVIDER__LEDGER", ledger.to_str().unwrap());
        for service in SERVICES {
            // Several shops share the server, and a killed service leaves its connections to it for a while.
            command = command.env(&format!("MINUET_{}__DATABASE_CONNECTIONS", service.to_uppercase()), "4");
        }
        for (name, value) in &self.settings {
            command = command.env(name, value);
        }
        command
    }

    /// At the address that the others know.
    fn at_home(&self, service: &str) -> Minuet {
        let listen = format!("MINUET_{}__LISTEN", service.to_uppercase());
        self.command(service).env(&listen, format!("127.0.0.1:{}", self.ports[service]))
    }

    fn run(&self, service: &'static str, command: Minuet) -> Arc<Process> {
        let process = Arc::new(command.start());
        self.running.lock().insert(service, Arc::clone(&process));
        process
    }

    pub(super) fn start(&self, service: &'static str) -> Arc<Process> {
        self.run(service, self.at_home(service))
    }

    /// It will die there, once the shop is [`armed`](Self::arm).
    pub(super) fn start_to_die(&self, service: &'static str, point: Failpoint, passage: u64) -> Arc<Process> {
        let command = self
            .at_home(service)
            .env("MINUET_FAULT", format!("{point}:{passage}"))
            .env("MINUET_FAULT_ARMED", self.folder.path().join("armed").to_str().unwrap());
        self.run(service, command)
    }

    pub(super) fn arm(&self) {
        self.folder.write("armed", "");
    }

    /// Another instance beside the one that the others know.
    pub(super) fn another(&self, service: &str) -> Process {
        self.command(service).start()
    }

    /// Another one, with its database at that URL.
    pub(super) fn another_on(&self, service: &str, database_url: &str) -> Process {
        let name = format!("MINUET_{}__DATABASE_URL", service.to_uppercase());
        self.command(service).env(&name, database_url).start()
    }

    pub(super) fn kill(&self, service: &str) {
        self.process(service).kill();
    }

    pub(super) fn process(&self, service: &str) -> Arc<Process> {
        Arc::clone(&self.running.lock()[service])
    }

    /// Where the provider keeps its books.
    pub(super) fn ledger(&self) -> PathBuf {
        self.folder.path().join("provider.ledger")
    }

    pub(super) async fn audit(&self, arguments: &[&str]) -> minuet_tests::Done {
        let arguments: Vec<&str> = ["audit"].iter().chain(arguments).copied().collect();
        self.world.minuet(&self.folder, &arguments).run().await
    }

    /// Whether the service at its home says so.
    pub(super) async fn is_ready(&self, service: &str) -> Result<(), String> {
        let url = format!("http://127.0.0.1:{}/readyz", self.ports[service]);
        match reqwest::get(&url).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(answer.text().await.unwrap_or_default()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Waits until every service says so, and has the goods.
    pub(super) async fn ready(&self) {
        for service in ALL {
            until(&format!("{service} is ready"), || self.is_ready(service)).await;
        }
        for (sku, price, stock) in GOODS {
            self.world.product(sku, price, stock).await;
        }
    }
}

/// A failed run is told by what its processes said last.
impl Drop for Shop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (service, process) in self.running.lock().iter() {
            let log = process.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- {service}, its last lines of {}", lines.len());
            for line in &lines[lines.len().saturating_sub(25)..] {
                eprintln!("{line}");
            }
        }
    }
}

/// Below the ports that the servers of the tests are given (`dev/stack`), and each time another one: what a killed service
/// had is kept for it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 80) as u16 * 100;
    loop {
        let port = 12_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 8_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
