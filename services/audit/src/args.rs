//! What a person writes. Flags are kcat's where kcat has one.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use minuet_events::EventType;
use minuet_events::values::{Micros, OrderId, UserId};
use time::{Duration, OffsetDateTime};

use crate::log::{Point, Wanted};
use crate::record::Service;
use crate::verify::Rules;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show events as they come, or from anywhere
    Tail(Tail),
    /// Tell what happened to one order, and what is awaited
    Timeline(Timeline),
    /// Decide again, rebuild or give out what was recorded
    #[command(subcommand)]
    Replay(Replay),
    /// Prove the books from the topics alone; exit status 1 where something does not hold
    Verify(Verify),
}

impl Command {
    /// Whether the result is read by a program that wants bytes as they are: a template or a table.
    pub fn is_for_programs(&self) -> bool {
        match self {
            Command::Tail(tail) => tail.format.is_some(),
            Command::Replay(Replay::Export(export)) => export.csv,
            Command::Timeline(_)
            | Command::Replay(Replay::Shadow(_) | Replay::Rebuild(_))
            | Command::Verify(_) => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Select {
    /// A topic, with or without the prefix; may be repeated [default: all of the installation's]
    #[arg(short = 't', long = "topic", value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// A partition; may be repeated [default: all]
    #[arg(short = 'p', long = "partition", value_name = "NUMBER")]
    pub(crate) partitions: Vec<i32>,
    /// Only events of this order
    #[arg(long, value_name = "ID")]
    pub(crate) order: Option<OrderId>,
    /// Only events of this user's orders, from the first one that names the user
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<UserId>,
    /// Only events of this type; may be repeated
    #[arg(long = "type", value_name = "EVENT")]
    pub(crate) types: Vec<EventType>,
    /// Stop after so many events
    #[arg(short = 'c', long, value_name = "COUNT")]
    pub(crate) count: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Range {
    /// beginning, end, an offset, -N (N before the end), s@MS or e@MS (from or up to a time in ms); may be repeated
    #[arg(short = 'o', long = "offset", value_name = "WHERE", value_parser = offset, allow_hyphen_values = true)]
    pub(crate) offsets: Vec<Offset>,
    /// From this time: RFC 3339, or -15m (with s, m, h or d)
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(crate) from: Option<Micros>,
    /// Up to this time
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(crate) to: Option<Micros>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offset {
    From(Point),
    Until(Micros),
}

impl Range {
    /// Whether it has an end in time.
    pub(crate) fn ends(&self) -> bool {
        self.to.is_some() || self.offsets.iter().any(|offset| matches!(offset, Offset::Until(_)))
    }

    pub(crate) fn wanted(&self, default: Point, select: Option<&Select>) -> Wanted {
        let from = self.offsets.iter().find_map(|offset| match offset {
            Offset::From(point) => Some(*point),
            Offset::Until(_) => None,
        });
        let until = self.offsets.iter().find_map(|offset| match offset {
            Offset::Until(time) => Some(*time),
            Offset::From(_) => None,
        });
        Wanted {
            topics: select.map(|select| select.topics.clone()).unwrap_or_default(),
            partitions: select.map(|select| select.partitions.clone()).unwrap_or_default(),
            from: self.from.map(Point::At).or(from).unwrap_or(default),
            until: self.to.or(until),
        }
    }
}

#[derive(Debug, Args)]
#[command(after_long_help = crate::tail::FORMAT_HELP)]
pub struct Tail {
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) range: Range,
    /// Stop at the present end of the topics
    #[arg(short = 'e', long)]
    pub(crate) exit: bool,
    /// JSON lines, with all headers
    #[arg(short = 'J', long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// A template for each event
    #[arg(short = 'f', long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,
    /// End at the first message that is damaged or odd
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub struct Timeline {
    #[arg(value_name = "ORDER")]
    pub(crate) order: OrderId,
    /// From this time instead of the one in the order's id: RFC 3339, or -15m
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(crate) from: Option<Micros>,
    /// Up to this time
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(crate) to: Option<Micros>,
    #[arg(short = 'f', long, value_enum, default_value_t = TimelineFormat::Text)]
    pub(crate) format: TimelineFormat,
    /// As --format json
    #[arg(short = 'J', long)]
    pub(crate) json: bool,
    /// End at the first message of the order, or topic, that is damaged or odd
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimelineFormat {
    Text,
    Json,
    /// A sequence diagram
    Mermaid,
}

#[derive(Debug, Subcommand)]
pub enum Replay {
    /// Run the decisions of this build over the recorded inputs; exit status 1 where they differ from the recorded ones
    Shadow(Shadow),
    /// Rebuild a service's tables into an empty, migrated database; exit status 1 where they differ from the live ones
    Rebuild(Rebuild),
    /// Give out the events between two points as JSON lines, which `minuet produce` takes back, or as CSV
    Export(Export),
}

#[derive(Debug, Args)]
pub struct Rebuild {
    /// order, inventory or payment
    #[arg(long, value_name = "NAME", value_parser = service)]
    pub(crate) service: Service,
    /// The empty database, as `minuet migrate` leaves it
    #[arg(long, value_name = "URL")]
    pub(crate) database: String,
    /// The live database, which is compared; best while nothing is under way
    #[arg(long, value_name = "URL")]
    pub(crate) against: Option<String>,
    /// The report as JSON
    #[arg(short = 'J', long)]
    pub(crate) json: bool,
    /// End at the first message or topic that is damaged or odd
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) range: Range,
    /// A row for each event instead, the record as JSON in the last column
    #[arg(long)]
    pub(crate) csv: bool,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// End at the first message that is damaged or odd
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub struct Shadow {
    #[command(flatten)]
    pub(crate) range: Range,
    /// A line of JSON for each difference, and one at the end
    #[arg(short = 'J', long)]
    pub(crate) json: bool,
    /// End at the first message that is damaged or odd
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub(crate) range: Range,
    /// How long anything may be owed: the order's deadline and a little
    #[arg(long, value_name = "TIME", default_value = "31m", value_parser = duration)]
    pub(crate) deadline: Duration,
    /// Compare the services' tables too: every order at rest, every level
    #[arg(long)]
    pub(crate) against_databases: bool,
    /// End at the first message or topic that is damaged or odd
    #[arg(long)]
    pub(crate) strict: bool,
    /// The report as JSON
    #[arg(short = 'J', long)]
    pub(crate) json: bool,
    /// Go on with what comes: violations are printed as they are found
    #[arg(long, conflicts_with_all = ["to", "against_databases", "json"])]
    pub(crate) follow: bool,
    /// Show the counts at http://ADDRESS/metrics
    #[arg(long, value_name = "ADDRESS:PORT", requires = "follow")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Go on from the books of an earlier run instead of the beginning
    #[arg(long, value_name = "FILE", conflicts_with_all = ["offsets", "from"])]
    pub(crate) snapshot: Option<PathBuf>,
    /// Write the books as they are at the end, for a later --snapshot
    #[arg(long, value_name = "FILE")]
    pub(crate) save_snapshot: Option<PathBuf>,
    /// Orders at rest that are remembered, for what comes again or late
    #[arg(long, value_name = "ORDERS", default_value_t = Rules::default().remember)]
    pub(crate) remember: usize,
}

fn offset(text: &str) -> Result<Offset, String> {
    let millis = |text: &str| text.parse().map(Micros::from_millis).map_err(|_| TAKES_OFFSET.to_owned());
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
    if let Some(time) = text.strip_prefix("s@") {
        return millis(time).map(|time| Offset::From(Point::At(time)));
    }
    if let Some(time) = text.strip_prefix("e@") {
        return millis(time).map(Offset::Until);
    }
    let point = match (text, text.strip_prefix('-')) {
        ("beginning", _) => Some(Point::Beginning),
        ("end", _) => Some(Point::End),
        (_, Some(count)) => number(count).map(Point::BeforeEnd),
        (_, None) => number(text).map(Point::Offset),
    };
    point.map(Offset::From).ok_or_else(|| TAKES_OFFSET.to_owned())
}

const TAKES_OFFSET: &str = "takes beginning, end, an offset, -N, s@MS or e@MS";

fn service(text: &str) -> Result<Service, String> {
    let named = Service::ALL.into_iter().find(|service| service.name() == text);
    named.ok_or_else(|| "takes order, inventory or payment".to_owned())
}

pub(crate) fn time(text: &str) -> Result<Micros, String> {
    let takes = || "takes RFC 3339, such as 2026-11-23T08:15:00Z, or an age, such as -15m".to_owned();
    let Some(age) = text.strip_prefix('-') else { return Micros::parse(text).map_err(|_| takes()) };
    let age = duration(age).map_err(|_| takes())?;
    Ok(Micros::from_datetime(OffsetDateTime::now_utc()).plus(-age))
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let takes = || "takes a whole number with s, m, h or d, such as 30m".to_owned();
    let (at, unit) = text.char_indices().last().ok_or_else(takes)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(takes()),
    };
    let count: i64 =
        text.get(..at).and_then(|count| count.parse().ok()).filter(|n| *n >= 0).ok_or_else(takes)?;
    count.checked_mul(seconds).map(Duration::seconds).ok_or_else(takes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_kcat() {
        assert_eq!(offset("beginning"), Ok(Offset::From(Point::Beginning)));
        assert_eq!(offset("end"), Ok(Offset::From(Point::End)));
        assert_eq!(offset("17"), Ok(Offset::From(Point::Offset(17))));
        assert_eq!(offset("-5"), Ok(Offset::From(Point::BeforeEnd(5))));
        assert_eq!(offset("s@1000"), Ok(Offset::From(Point::At(Micros(1_000_000)))));
        assert_eq!(offset("e@1000"), Ok(Offset::Until(Micros(1_000_000))));
        for wrong in ["", "middle", "--5", "s@", "e@soon", "1.5"] {
            assert!(offset(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_absolute_or_an_age() {
        assert_eq!(time("1970-01-01T00:00:01Z"), Ok(Micros(1_000_000)));
        let ago = Micros::from_datetime(OffsetDateTime::now_utc()).since(time("-15m").unwrap());
        assert!((899..=901).contains(&ago.whole_seconds()), "{ago}");
        for wrong in ["", "15m", "-15", "-m", "yesterday"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
