use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

/// Starts Kafka, PostgreSQL and the registry in a scratch folder, runs the reference workload (T, C, L), checks the books.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What is ordered, and how payments go
    #[arg(long, value_enum, default_value_t = Variant::Standard)]
    pub variant: Variant,
    /// Only one of the measures [default: both]
    #[arg(long, value_enum, value_name = "MEASURE")]
    pub only: Option<Only>,
    /// Instead of orders, the order service's relay alone: so many rows of 300 bytes that lie in its outbox at the start
    #[arg(long, value_name = "ROWS", conflicts_with_all = ["only", "endpoints", "compare", "profile", "record", "variant", "through", "answer", "services", "duration", "warm_up", "in_flight", "rate", "sampling", "products", "instances", "orders_before", "inbox_before"],
        value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub relay: Option<u64>,
    /// How orders are submitted
    #[arg(long, value_enum, default_value_t = Through::Gateway)]
    pub through: Through,
    /// What the gateway's answer waits for
    #[arg(long, value_enum, default_value_t = Answer::Accepted)]
    pub answer: Answer,
    /// All services in one process, or a process each
    #[arg(long, value_enum, default_value_t = Services::Together)]
    pub services: Services,
    /// How long each measure lasts
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub duration: Duration,
    /// What comes before each measure and is not counted
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub warm_up: Duration,
    /// T: orders under way at once
    #[arg(long, value_name = "ORDERS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub in_flight: u32,
    /// L: orders a second. Several, as 5,20,50: one after the other, a line each
    #[arg(long, value_name = "ORDERS", default_values_t = [50], value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: Vec<u32>,
    /// Use these servers instead: kafka, registry and databases as in .minuet/endpoints.json. Nobody else may work on the
    /// databases; the topics get a prefix of their own, and stay. The CPU of servers elsewhere is not counted
    #[arg(long, value_name = "FILE", conflicts_with = "scratch")]
    pub endpoints: Option<PathBuf>,
    /// Where the servers keep their data; removed afterwards [default: a new folder below the system's for temporary files]
    #[arg(long, value_name = "FOLDER")]
    pub scratch: Option<PathBuf>,
    /// Record this part of the traces, 0 to 1, with a receiver in this process. Without it nothing is recorded. Several, as
    /// 0,0.05,1, or --rounds: each is set beside a run without
    #[arg(long, value_name = "RATIO", value_parser = ratio, value_delimiter = ',')]
    pub sampling: Vec<f64>,
    /// So many runs of each ratio and without, by turns, of which the medians count
    #[arg(long, value_name = "RUNS", default_value_t = 1, requires = "sampling", conflicts_with_all = ["compare", "profile", "record"], value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// A setting of the program, such as kafka.linger.ms=1 or order.batch_size=200. May be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// A setting of the broker, such as num.io.threads=4. May be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, conflicts_with = "endpoints")]
    pub broker: Vec<(String, String)>,
    #[command(flatten)]
    pub size: Size,
    /// The figures as JSON
    #[arg(long)]
    pub json: bool,
    /// Set the figures beside those of an earlier --json
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub compare: Option<PathBuf>,
    /// Count statements, and what they wait for, during T (costs some of it)
    #[arg(long, conflicts_with = "json")]
    pub profile: bool,
    /// Let perf record the program during T
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// How much there is of what cost may grow with.
#[derive(Clone, Debug, clap::Args, serde::Deserialize, serde::Serialize)]
pub struct Size {
    /// Products for sale [default: 1000, in the variant hot 10]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(3..=1_000_000))]
    pub products: Option<u32>,
    /// Partitions of every topic [default: those of topics.yaml]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub partitions: Option<u32>,
    /// Instances of every service
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub instances: u32,
    /// Orders of earlier times in the order service's table
    #[arg(long, value_name = "ROWS", default_value_t = 0, conflicts_with = "endpoints")]
    pub orders_before: u64,
    /// Events of earlier times in each inbox
    #[arg(long, value_name = "ROWS", default_value_t = 0, conflicts_with = "endpoints")]
    pub inbox_before: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Variant {
    /// 1,000 products; every payment succeeds at once
    Standard,
    /// 10 products take every line
    Hot,
    /// A payment takes 100 ms, and 95 % succeed
    Provider,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// T and C
    Throughput,
    /// L
    Latency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Through {
    /// Over HTTP
    Gateway,
    /// As events
    Intake,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// Kafka's acknowledgement: what counts is the final event, and nobody has to wait for it twice
    Accepted,
    /// The order's price, as without a preference
    Priced,
    /// The order's end
    Final,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Services {
    Together,
    Apart,
}

impl Args {
    pub(crate) fn wants(&self, measure: Only) -> bool {
        self.only.is_none_or(|only| only == measure)
    }
}

/// As it is written on the command line.
pub(crate) fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "takes 0 to 1".to_owned())
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("takes a name, = and a value")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(number) => (number, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    let within = seconds.filter(|seconds| (1..=86_400).contains(seconds));
    within
        .map(Duration::from_secs)
        .ok_or_else(|| "takes 1s to 24 hours: a whole number with s or m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_seconds_or_minutes() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "s", "0s", "-1s", "1.5s", "2h", "1441m"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
