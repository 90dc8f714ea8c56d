//! The figures, as JSON and as a table. Other programs rely on the names.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::args::{self, Only, Size};
use crate::books::Books;
use crate::measure::{AtRate, Measured};
use crate::meter::Used;
use crate::numbers::{quantile, short, whole};
use crate::{Args, BenchError};

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    figures: Figures,
    books: Books,
    run: Run,
}

/// What was measured. None: not this time, or (CPU) not a process of this machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) throughput_per_s: Option<f64>,
    /// At the first rate, as is the rest of L.
    latency_ms: Option<Latency>,
    latency_cpu_s_per_1000: Option<Cpu>,
    latency_requests_per_1000: Option<Requests>,
    statements_per_order: Option<f64>,
    cpu_s_per_1000: Option<Cpu>,
    requests_per_1000: Option<Requests>,
    /// Batches per 1,000 orders that were decided again under locks.
    #[serde(default)]
    conflicts_per_1000: Option<f64>,
    peak_rss_mib: Option<f64>,
    wal_bytes_per_order: Option<f64>,
    transactions_per_order: Option<f64>,
    /// A line of each rate.
    #[serde(default)]
    rates: Vec<Rate>,
}

/// L at one rate.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Rate {
    orders_per_s: u32,
    latency_ms: Option<Latency>,
    cpu_s_per_1000: Option<Cpu>,
    requests_per_1000: Option<Requests>,
}

/// Requests of the program to the broker.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Requests {
    produce: f64,
    fetch: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cpu {
    program: f64,
    postgres: Option<f64>,
    broker: Option<f64>,
}

/// How it was measured, and what must not be counted with the rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Run {
    variant: String,
    services: String,
    through: String,
    #[serde(default)]
    answer: String,
    in_flight: u32,
    rate: u32,
    duration_s: u64,
    warm_up_s: u64,
    /// Which part of the traces was recorded. None: telemetry was off.
    sampling: Option<f64>,
    /// Counted for T.
    orders: Option<u64>,
    generator_cpu_s_per_1000: Option<f64>,
    /// The program's resident memory, evenly over T.
    rss_mib: Vec<f64>,
    /// What was set otherwise than usual.
    size: Size,
    set: Vec<(String, String)>,
    broker: Vec<(String, String)>,
}

/// An earlier run.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Earlier {
    #[serde(flatten)]
    figures: Figures,
    run: Run,
}

impl Report {
    pub(crate) fn new(args: &Args, measured: &Measured, peak_memory: u64, books: Books) -> Self {
        let Measured { throughput, latency, statements_per_order, memory, .. } = measured;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let used = throughput.as_ref().filter(|used| used.orders > 0);
        let rates: Vec<Rate> = latency.iter().map(Rate::new).collect();
        let first = rates.first().cloned();
        let figures = Figures {
            throughput_per_s: throughput.as_ref().map(|used| used.orders as f64 / used.seconds),
            latency_ms: first.as_ref().and_then(|rate| rate.latency_ms.clone()),
            latency_cpu_s_per_1000: first.as_ref().and_then(|rate| rate.cpu_s_per_1000.clone()),
            latency_requests_per_1000: first.and_then(|rate| rate.requests_per_1000),
            statements_per_order: *statements_per_order,
            cpu_s_per_1000: used.and_then(Cpu::of),
            requests_per_1000: used.and_then(Requests::of),
            conflicts_per_1000: used.and_then(|used| per_1000(used, used.counts.conflicts)),
            rates,
            peak_rss_mib: Some(mib(peak_memory)),
            wal_bytes_per_order: used.map(|used| used.wal as f64 / used.orders as f64),
            transactions_per_order: used.map(|used| used.transactions as f64 / used.orders as f64),
        };
        let run = Run {
            variant: args::name(&args.variant),
            services: args::name(&args.services),
            through: args::name(&args.through),
            answer: args::name(&args.answer),
            in_flight: args.in_flight,
            rate: args.rate.first().copied().unwrap_or_default(),
            duration_s: args.duration.as_secs(),
            warm_up_s: args.warm_up.as_secs(),
            sampling: args.sampling.first().copied(),
            orders: throughput.as_ref().filter(|_| args.wants(Only::Throughput)).map(|used| used.orders),
            generator_cpu_s_per_1000: used.and_then(|used| per_1000(used, used.cpu.generator)),
            rss_mib: memory.iter().map(|bytes| mib(*bytes).round()).collect(),
            size: args.size.clone(),
            set: args.set.clone(),
            broker: args.broker.clone(),
        };
        Report { figures, books, run }
    }

    pub(crate) fn figures(self) -> Figures {
        self.figures
    }

    pub(crate) fn to_json(&self) -> Result<String, BenchError> {
        serde_json::to_string_pretty(self).map(|json| json + "\n").map_err(BenchError::Figures)
    }

    /// Beside the figures of an earlier run, where one is given.
    pub(crate) fn table(&self, before: Option<&Earlier>) -> String {
        let Report { figures, books, run } = self;
        let mut text = format!(
            "variant {}, services {}, through {}; {} s each after {} s of warm-up\n\n",
            run.variant, run.services, run.through, run.duration_s, run.warm_up_s
        );
        if before.is_some() {
            text.push_str(&format!("{:<44} {:>10} {:>10} {:>8}\n", "", "now", "before", "ratio"));
        }
        let (now, then) = (rows(figures), before.map(|before| rows(&before.figures)));
        for (at, (what, value)) in now.into_iter().enumerate() {
            let Some(value) = value else { continue };
            text.push_str(&format!("{:<44} {:>10}", label(what, run), short(value)));
            if let Some(then) = then.as_ref().and_then(|rows| rows[at].1) {
                text.push_str(&format!(" {:>10} {:>8.2}", short(then), value / then));
            }
            text.push('\n');
        }
        if let Some(before) = before {
            text.extend(run.otherwise(&before.run).map(|line| format!("(before: {line})\n")));
        }
        if figures.rates.len() > 1 {
            text.push_str(&by_rate(&figures.rates));
        }
        if let Some(cpu) = run.generator_cpu_s_per_1000 {
            text.push_str(&format!("{:<44} {:>10}\n", "(load generator, counted apart)", short(cpu)));
        }
        if !run.rss_mib.is_empty() {
            let curve: Vec<String> = run.rss_mib.iter().map(|mib| format!("{mib:.0}")).collect();
            text.push_str(&format!("(resident memory over T, MiB: {})\n", curve.join(" ")));
        }
        let Books { orders, confirmed, cancelled, failed, events, .. } = books;
        text.push_str(&format!(
            "\nthe books balance: {} orders ({} confirmed, {} cancelled, {} failed), {} events\n",
            whole(*orders),
            whole(confirmed.unsigned_abs()),
            whole(cancelled.unsigned_abs()),
            whole(failed.unsigned_abs()),
            whole(*events)
        ));
        text
    }
}

/// For 1,000 orders of the time that was measured; None where there was none.
fn per_1000(used: &Used, amount: f64) -> Option<f64> {
    (used.orders > 0).then(|| amount / used.orders as f64 * 1_000.0)
}

impl Cpu {
    fn of(used: &Used) -> Option<Self> {
        Some(Cpu {
            program: per_1000(used, used.cpu.program)?,
            postgres: used.cpu.postgres.and_then(|cpu| per_1000(used, cpu)),
            broker: used.cpu.broker.and_then(|cpu| per_1000(used, cpu)),
        })
    }

    /// None where a part runs on another machine.
    fn all(&self) -> Option<f64> {
        Some(self.program + self.postgres? + self.broker?)
    }
}

impl Requests {
    fn of(used: &Used) -> Option<Self> {
        Some(Requests {
            produce: per_1000(used, used.counts.produce)?,
            fetch: per_1000(used, used.counts.fetch)?,
        })
    }
}

impl Rate {
    fn new(AtRate { rate, millis, used }: &AtRate) -> Self {
        let at = |part| quantile(millis, part);
        let latency = || Some(Latency { p50: at(0.5)?, p99: at(0.99)?, max: at(1.0)? });
        Rate {
            orders_per_s: *rate,
            latency_ms: latency(),
            cpu_s_per_1000: Cpu::of(used),
            requests_per_1000: Requests::of(used),
        }
    }
}

/// L, a line of each rate.
fn by_rate(rates: &[Rate]) -> String {
    let mut text = format!(
        "\n{:>9} {:>8} {:>8} {:>8} {:>12} {:>14} {:>12}\n",
        "orders/s", "p50 ms", "p99 ms", "max ms", "CPU s/1,000", "produces/1,000", "fetches/1,000"
    );
    for Rate { orders_per_s, latency_ms, cpu_s_per_1000, requests_per_1000 } in rates {
        let (latency, requests) = (latency_ms.as_ref(), requests_per_1000.as_ref());
        let columns = [
            (8, latency.map(|latency| latency.p50)),
            (8, latency.map(|latency| latency.p99)),
            (8, latency.map(|latency| latency.max)),
            (12, cpu_s_per_1000.as_ref().and_then(Cpu::all)),
            (14, requests.map(|requests| requests.produce)),
            (12, requests.map(|requests| requests.fetch)),
        ];
        text.push_str(&format!("{:>9}", whole((*orders_per_s).into())));
        for (width, value) in columns {
            text.push_str(&format!(" {:>width$}", value.map_or_else(|| "-".to_owned(), short)));
        }
        text.push('\n');
    }
    text.push('\n');
    text
}

fn label(what: &str, run: &Run) -> String {
    match what {
        "T" => format!("T  orders/s, {} in flight", whole(run.in_flight.into())),
        "p50" => format!("L  ms at {} orders/s, p50", run.rate),
        other => other.to_owned(),
    }
}

impl Figures {
    /// CPU seconds per 1,000 orders: of everything, and of the program.
    pub(crate) fn cpu(&self) -> Option<(f64, f64)> {
        let cpu = self.cpu_s_per_1000.as_ref()?;
        Some((cpu.all()?, cpu.program))
    }
}

/// The same rows for every run, so that two of them can stand side by side.
fn rows(figures: &Figures) -> [(&'static str, Option<f64>); 21] {
    let latency = |of: fn(&Latency) -> f64| figures.latency_ms.as_ref().map(of);
    let cpu = |of: fn(&Cpu) -> Option<f64>| figures.cpu_s_per_1000.as_ref().and_then(of);
    let latency_cpu = |of: fn(&Cpu) -> Option<f64>| figures.latency_cpu_s_per_1000.as_ref().and_then(of);
    let (requests, latency_requests) =
        (figures.requests_per_1000.as_ref(), figures.latency_requests_per_1000.as_ref());
    [
        ("T", figures.throughput_per_s),
        ("p50", latency(|latency| latency.p50)),
        ("   p99", latency(|latency| latency.p99)),
        ("   max", latency(|latency| latency.max)),
        ("   CPU s per 1,000 orders at that rate, all", latency_cpu(Cpu::all)),
        ("      program", latency_cpu(|cpu| Some(cpu.program))),
        ("      PostgreSQL", latency_cpu(|cpu| cpu.postgres)),
        ("      broker", latency_cpu(|cpu| cpu.broker)),
        ("   produce requests per 1,000 orders", latency_requests.map(|requests| requests.produce)),
        ("   fetch requests per 1,000 orders", latency_requests.map(|requests| requests.fetch)),
        ("   statements per order, nothing gathered", figures.statements_per_order),
        ("C  CPU s per 1,000 orders, all", figures.cpu().map(|(all, _)| all)),
        ("   program", cpu(|cpu| Some(cpu.program))),
        ("   PostgreSQL", cpu(|cpu| cpu.postgres)),
        ("   broker", cpu(|cpu| cpu.broker)),
        ("   produce requests per 1,000 orders", requests.map(|requests| requests.produce)),
        ("   fetch requests per 1,000 orders", requests.map(|requests| requests.fetch)),
        ("   conflicts per 1,000 orders", figures.conflicts_per_1000),
        ("   peak resident memory of the program, MiB", figures.peak_rss_mib),
        ("   WAL bytes per order", figures.wal_bytes_per_order),
        ("   transactions per order", figures.transactions_per_order),
    ]
}

impl Run {
    /// What was otherwise in that run, so that the figures beside each other are not of one workload.
    fn otherwise(&self, that: &Run) -> impl Iterator<Item = String> {
        let told = |run: &Run| {
            let Run {
                variant,
                services,
                through,
                answer,
                in_flight,
                rate,
                duration_s,
                warm_up_s,
                sampling,
                size,
                set,
                broker,
                ..
            } = run;
            let sampling = sampling.map_or_else(|| "none".to_owned(), |ratio| ratio.to_string());
            [
                format!("variant {variant}"),
                format!("services {services}"),
                format!("through {through}"),
                format!("answer {answer}"),
                format!("{in_flight} in flight"),
                format!("{rate} orders/s"),
                format!("{duration_s} s after {warm_up_s} s of warm-up"),
                format!("sampling {sampling}"),
                format!("{size:?}"),
                format!("set {set:?}"),
                format!("broker {broker:?}"),
            ]
        };
        told(self).into_iter().zip(told(that)).filter(|(now, then)| now != then).map(|(_, then)| then)
    }
}

/// An earlier run, by what --json printed of it.
pub(crate) fn read(path: &Path) -> Result<Earlier, BenchError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| BenchError::File { path: path.to_owned(), source })?;
    let takes = "what --json printed";
    let earlier: Earlier = serde_json::from_str(&text).map_err(|source| BenchError::Json {
        path: path.to_owned(),
        takes,
        source,
    })?;
    let is_empty = rows(&earlier.figures).iter().all(|(_, value)| value.is_none());
    if is_empty { Err(BenchError::NoFigures { path: path.to_owned() }) } else { Ok(earlier) }
}
