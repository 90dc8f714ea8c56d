//! How fast the audit is: `make audit-speed`.
//!
//! Starts a broker, writes a million events of the reference workload (`--events N` for fewer), and measures `verify` over
//! all of them and `timeline` of single orders, each in a process of its own, so that its memory and its CPU time are its
//! own. On a machine that others use too, the CPU time says more than the clock.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

#[path = "../tests/shop/mod.rs"]
mod shop;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use minuet_audit::{Context, Outcome};
use minuet_events::Codec;
use minuet_events::orders::{OrderSubmitted, SubmittedLine};
use minuet_events::values::{Micros, PaymentMethod, Quantity, Sku, UserId};
use minuet_messaging::Publisher;
use minuet_messaging::topics::Catalogue;
use minuet_stack::{Part, Stack, StackOptions};
use time::OffsetDateTime;
use tokio::runtime::{Handle, Runtime};

use shop::Shop;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PRODUCTS: u64 = 1_000;
const USERS: u64 = 10_000;
const IN_FLIGHT: usize = 512;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// A broker of one's own.
    #[arg(long)]
    broker: Option<String>,
    /// This order, which the broker has already: nothing is written.
    #[arg(long)]
    order: Option<String>,
    /// What a child process measures.
    #[arg(long)]
    measure: bool,
    /// As cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    audit: Option<minuet_audit::Command>,
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = Runtime::new().expect("a runtime");
    if arguments.measure {
        let broker = arguments.broker.expect("a broker");
        return measure(&runtime, &broker, &arguments.audit.expect("what to measure"));
    }
    let (stack, broker) = match arguments.broker {
        Some(broker) => (None, broker),
        None => {
            let root = std::env::temp_dir().join(format!("minuet-audit-bench-{}", std::process::id()));
            let options =
                StackOptions { quick_java: false, kafka_heap: 1024, ..StackOptions::for_tests(root) };
            let stack = runtime.block_on(Stack::start(options.only(&[Part::Kafka]), |_| {})).expect("Kafka");
            let broker = stack.kafka().to_owned();
            (Some(stack), broker)
        }
    };
    let orders = match arguments.order {
        Some(order) => vec![order],
        None => runtime.block_on(write(&broker, arguments.events)),
    };

    for _ in 0..3 {
        println!("verify    {}", child(&broker, &["verify", "--json"]));
    }
    for order in [&orders[0], &orders[orders.len() / 2], &orders[orders.len() - 1]] {
        println!("timeline  {}", child(&broker, &["timeline", order, "--json"]));
    }
    if let Some(stack) = stack {
        runtime.block_on(stack.stop()).expect("Kafka stops");
    }
}

/// In a process of its own: prints one line of figures.
fn measure(runtime: &Runtime, broker: &str, command: &minuet_audit::Command) {
    let context = context(broker, runtime.handle());
    let mut out = Vec::new();
    let begun = Instant::now();
    let outcome = minuet_audit::run(command, &context, &mut out).expect("an audit");
    let elapsed = begun.elapsed();
    let text = String::from_utf8(out).expect("text");
    assert_eq!(outcome, Outcome::Holds, "{text}");
    let said: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak").trim().to_owned();
    let per_second =
        said["events_per_s"].as_f64().map(|speed| format!("{speed:.0} events/s, ")).unwrap_or_default();
    let events =
        said["counts"]["events"].as_u64().or(said["events"].as_array().map(|events| events.len() as u64));
    let events = events.unwrap_or_default();
    let cpu = cpu_seconds();
    println!(
        "{events} events, {per_second}{:.3} s, CPU {cpu:.2} s ({:.2} s per million events), peak {peak}",
        elapsed.as_secs_f64(),
        cpu * 1e6 / events.max(1) as f64,
    );
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // Behind the command's name, which may hold anything, utime and stime are the 12th and 13th, in hundredths.
    let fields = stat.rsplit_once(')').expect("a command").1.split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).map(|field| field.parse::<f64>().expect("ticks")).sum();
    ticks / 100.0
}

fn child(broker: &str, command: &[&str]) -> String {
    let program = std::env::current_exe().expect("itself");
    let mut child = Command::new(program);
    let child = child.args(["--measure", "--broker", broker]).args(command).stderr(Stdio::inherit());
    let output = child.output().expect("a child process");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn context(broker: &str, runtime: &Handle) -> Context {
    Context {
        kafka: BTreeMap::from([("bootstrap.servers".to_owned(), broker.to_owned())]),
        prefix: String::new(),
        codec: Codec::local(),
        catalogue: Arc::new(Catalogue::parse(minuet_events::TOPICS).expect("the catalogue")),
        databases: BTreeMap::new(),
        runtime: runtime.clone(),
    }
}

fn now() -> Micros {
    Micros::from_datetime(OffsetDateTime::now_utc())
}

/// The reference workload, as far as it reaches the topics. Gives back the orders.
async fn write(broker: &str, events: usize) -> Vec<String> {
    let kafka = BTreeMap::from([
        ("bootstrap.servers".to_owned(), broker.to_owned()),
        ("linger.ms".to_owned(), "5".to_owned()),
        ("message.timeout.ms".to_owned(), "60000".to_owned()),
    ]);
    let catalogue = Catalogue::parse(minuet_events::TOPICS).expect("the catalogue");
    catalogue.apply(&kafka, "").await.expect("topics");
    let publisher = Publisher::new(&kafka, "bench", "tool", Codec::local(), Arc::new(catalogue), "")
        .expect("a publisher");
    let mut shop = Shop::new();
    shop.step = time::Duration::microseconds(1);
    shop.now = now();
    for number in 0..PRODUCTS {
        shop.product(&format!("SKU-{number:04}"), &format!("{}.00", 1 + number % 500), true);
        shop.adjust(&format!("SKU-{number:04}"), "MAIN", 1_000_000);
    }
    let (mut random, mut orders, mut written, begun) = (Random(42), Vec::new(), 0, Instant::now());
    loop {
        written += shop.log.len();
        let sending = std::mem::take(&mut shop.log);
        let sends = sending.into_iter().map(|made| publisher.publish(made.envelope, made.event));
        futures::future::try_join_all(sends).await.expect("acknowledged");
        if written >= events {
            break;
        }
        shop.now = now();
        for _ in 0..IN_FLIGHT {
            let submitted = submitted(&mut shop, &mut random);
            orders.push(submitted.order_id.to_string());
            shop.intake(submitted);
        }
        shop.run();
    }
    publisher.flush(std::time::Duration::from_secs(30)).await.expect("flushed");
    println!("written   {written} events, {} orders, {:.1} s", orders.len(), begun.elapsed().as_secs_f64());
    orders
}

fn submitted(shop: &mut Shop, random: &mut Random) -> OrderSubmitted {
    let mut lines: Vec<SubmittedLine> = Vec::new();
    let count = 1 + random.below(3);
    while (lines.len() as u64) < count {
        let sku = Sku::parse(&format!("SKU-{:04}", random.below(PRODUCTS))).expect("a sku");
        let quantity = Quantity::new(1 + random.below(3) as u32).expect("a quantity");
        if lines.iter().all(|line| line.sku != sku) {
            lines.push(SubmittedLine { sku, quantity });
        }
    }
    OrderSubmitted {
        order_id: shop.id().into(),
        user_id: UserId::parse(&format!("user-{}", random.below(USERS))).expect("a user"),
        payment_method: PaymentMethod::CreditCard,
        lines,
        expected_total: None,
        payment_token: None,
    }
}

/// xorshift64: the same workload every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
