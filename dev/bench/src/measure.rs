//! The measures, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::args::Only;
use crate::catalogue::Shop;
use crate::ends::Ends;
use crate::flight::Flight;
use crate::generator::Generator;
use crate::meter::{Meter, Used};
use crate::perf::Perf;
use crate::profile::Profile;
use crate::program::Program;
use crate::progress::Progress;
use crate::servers::Servers;
use crate::submitter::Submitter;
use crate::{Args, BenchError};

/// How often the bar moves.
const STEP: Duration = Duration::from_millis(250);
const SAMPLES: u32 = 31;
/// Statements are counted at so few orders a second that each event is a batch of its own,
const COUNTED_RATE: u32 = 20;
/// for so long, and before it for as long without orders: what goes on anyway is no order's.
const COUNTED: Duration = Duration::from_secs(5);
/// How long nothing may end before the rest counts as stuck. The books then say which.
const STUCK: Duration = Duration::from_secs(30);

pub(crate) struct Measured {
    pub(crate) throughput: Option<Used>,
    pub(crate) latency: Vec<AtRate>,
    /// Statements in all databases for one order, at [`COUNTED_RATE`].
    pub(crate) statements_per_order: Option<f64>,
    pub(crate) submitted: Vec<Uuid>,
    /// Resident memory of the program in bytes, at [`SAMPLES`] moments of T.
    pub(crate) memory: Vec<u64>,
    /// What --profile has to say.
    pub(crate) profile: String,
}

/// L at one rate.
pub(crate) struct AtRate {
    /// Orders a second.
    pub(crate) rate: u32,
    /// Milliseconds, sorted.
    pub(crate) millis: Vec<f64>,
    pub(crate) used: Used,
}

struct Run<'a> {
    args: &'a Args,
    servers: &'a Servers,
    program: &'a Program,
    progress: &'a Progress,
    meter: Meter,
    flight: Arc<Flight>,
    generator: Generator,
    failures: mpsc::UnboundedReceiver<BenchError>,
}

pub(crate) async fn measure(
    args: &Args,
    servers: &Servers,
    program: &Program,
    shop: &Shop,
    progress: &Progress,
) -> Result<Measured, BenchError> {
    let flight = Arc::new(Flight::new());
    let ends = Ends::watch(servers, Arc::clone(&flight)).await?;
    let submitter = Submitter::new(args, servers, program, shop)?;
    let (generator, failures) = Generator::new(submitter, Arc::clone(&flight), shop.clone());
    let meter = Meter::new(servers, program).await?;
    let mut run = Run { args, servers, program, progress, meter, flight, generator, failures };
    let measured = run.all().await;
    ends.stop().await?;
    measured
}

impl Run<'_> {
    async fn all(&mut self) -> Result<Measured, BenchError> {
        let (mut throughput, mut memory, mut profile) = (None, Vec::new(), String::new());
        let (mut latency, mut statements_per_order) = (Vec::new(), None);
        if self.args.wants(Only::Throughput) {
            let used;
            (used, memory, profile) = self.throughput().await?;
            throughput = Some(used);
        }
        if self.args.wants(Only::Latency) {
            for rate in self.args.rate.clone() {
                latency.push(self.latency(rate).await?);
            }
            statements_per_order = self.statements().await?;
        }
        let submitted = self.flight.submitted();
        Ok(Measured { throughput, latency, statements_per_order, submitted, memory, profile })
    }

    /// T and C.
    async fn throughput(&mut self) -> Result<(Used, Vec<u64>, String), BenchError> {
        let Run { args, servers, program, progress, meter, flight, generator, failures } = self;
        progress.phase(&format!("T: {} orders in flight", args.in_flight));
        let timeline = async {
            watch("warm-up", args.warm_up, flight, progress).await;
            let profile = if args.profile { Some(Profile::begin(servers).await?) } else { None };
            let perf = args.record.as_deref().map(|file| Perf::start(file, program)).transpose()?;
            let before = meter.read(servers, flight).await?;
            let mut memory = Vec::new();
            tokio::select! {
                () = watch("T", args.duration, flight, progress) => {}
                error = sample(program, args.duration / SAMPLES, &mut memory) => return Err(error),
            }
            let used = meter.read(servers, flight).await?.since(&before);
            let told = match profile {
                Some(profile) => profile.end(servers, used.orders).await?,
                None => String::new(),
            };
            if let Some(perf) = perf {
                perf.stop().await?;
            }
            Ok::<_, BenchError>((used, memory, told))
        };
        let measured = tokio::select! {
            measured = timeline => measured?,
            error = stopped(generator.closed(args.in_flight), failures) => return Err(error),
        };
        self.drain().await?;
        Ok(measured)
    }

    /// L at one rate.
    async fn latency(&mut self, rate: u32) -> Result<AtRate, BenchError> {
        let Run { args, servers, progress, meter, flight, generator, failures, .. } = self;
        progress.phase(&format!("L: {rate} orders a second"));
        flight.keep_latencies();
        let timeline = async {
            watch("warm-up", args.warm_up, flight, progress).await;
            let before = meter.read(servers, flight).await?;
            let from = Instant::now();
            watch("L", args.duration, flight, progress).await;
            let window = from..Instant::now();
            Ok::<_, BenchError>((window, meter.read(servers, flight).await?.since(&before)))
        };
        let (window, used) = tokio::select! {
            measured = timeline => measured?,
            error = stopped(generator.open(rate), failures) => return Err(error),
        };
        // Those that were sent in the window and end after it count too: they are the slow ones.
        self.drain().await?;
        let counted = self.flight.take_latencies().into_iter().filter(|(sent, _)| window.contains(sent));
        let mut millis: Vec<f64> = counted.map(|(_, took)| took.as_secs_f64() * 1_000.0).collect();
        millis.sort_by(f64::total_cmp);
        Ok(AtRate { rate, millis, used })
    }

    /// How many statements an order takes where nothing is gathered. None where PostgreSQL does not count them.
    async fn statements(&mut self) -> Result<Option<f64>, BenchError> {
        let Run { servers, progress, flight, generator, failures, .. } = self;
        if !servers.count_statements().await? {
            return Ok(None);
        }
        progress.phase("counting statements");
        let before = servers.statements().await?;
        watch("without orders", COUNTED, flight, progress).await;
        let idle = servers.statements().await? - before;
        let (before, ended) = (servers.statements().await?, flight.ended());
        tokio::select! {
            () = watch("statements", COUNTED, flight, progress) => {}
            error = stopped(generator.open(COUNTED_RATE), failures) => return Err(error),
        }
        self.drain().await?;
        let all = self.servers.statements().await? - before;
        let orders = self.flight.ended() - ended;
        Ok((orders > 0).then(|| (all - idle) as f64 / orders as f64))
    }

    /// Waits for what is under way; gives up, without an error, on what does not move: that is for the books.
    async fn drain(&mut self) -> Result<(), BenchError> {
        let (mut open, mut since) = (self.flight.under_way(), Instant::now());
        while open > 0 && since.elapsed() < STUCK {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if let Ok(error) = self.failures.try_recv() {
                return Err(error);
            }
            let now = self.flight.under_way();
            if now != open {
                (open, since) = (now, Instant::now());
            }
        }
        Ok(())
    }
}

/// A generator goes on until it is dropped; it ends by an error only.
async fn stopped(
    generating: impl Future<Output = Result<(), BenchError>>,
    failures: &mut mpsc::UnboundedReceiver<BenchError>,
) -> BenchError {
    let error = tokio::select! {
        ended = generating => ended.err(),
        error = failures.recv() => error,
    };
    let detail = String::new();
    error.unwrap_or(BenchError::Late { what: "the end of the load", seconds: 0, detail })
}

/// Goes on until it is dropped, or the program has ended.
async fn sample(program: &Program, every: Duration, memory: &mut Vec<u64>) -> BenchError {
    loop {
        tokio::time::sleep(every).await;
        match program.memory() {
            Ok(bytes) => memory.push(bytes),
            Err(error) => return error,
        }
    }
}

async fn watch(what: &str, time: Duration, flight: &Flight, progress: &Progress) {
    let (begun, before) = (Instant::now(), flight.ended());
    while begun.elapsed() < time {
        tokio::time::sleep(STEP.min(time.saturating_sub(begun.elapsed()))).await;
        let (passed, ended) = (begun.elapsed(), flight.ended() - before);
        progress.bar(what, passed, time, ended as f64 / passed.as_secs_f64(), flight.under_way());
    }
}
