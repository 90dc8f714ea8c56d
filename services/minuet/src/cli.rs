//! Arguments, and which settings each command needs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use minuet_events::EventType;
use minuet_identity::UserName;

use crate::contract::Contract;
use crate::database::Database;
use crate::dead_letters::{DeadLetters, kept};
use crate::duration::duration;
use crate::positions::Positions;
use crate::produce::Speed;
use crate::settings::Sources;

/// The folder that `minuet up` writes to, from the checkout's root.
pub(crate) const UP: &str = ".minuet";

/// Takes orders and carries each through inventory and payment to a final state, over Kafka.
#[derive(Debug, Parser)]
#[command(
    name = "minuet",
    version,
    after_help = "Settings come from minuet.toml (see minuet.example.toml), from the environment (MINUET_<SECTION>__<KEY>) and \
                  from flags; the later win. Tools also find a running `minuet up` by .minuet/endpoints.json.\n\n\
                  Exit status: 0 done; 1 it failed, or what was checked does not hold; 2 wrong arguments or settings."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
struct Common {
    /// The settings' file [default: minuet.toml, if there is one]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Any setting, such as order.listen=127.0.0.1:8091; may be repeated. Every user of the machine can read a process's
    /// arguments: give secrets in the settings' file or by the environment
    #[arg(long, value_name = "SECTION.KEY=VALUE", global = true)]
    set: Vec<String>,
    /// Kafka's addresses, host:port with commas between them (kafka.bootstrap.servers)
    #[arg(short = 'b', long, value_name = "SERVERS", global = true)]
    bootstrap_servers: Option<String>,
    /// Base of the registry's Confluent API (registry.url)
    #[arg(long, value_name = "URL", global = true)]
    registry_url: Option<String>,
    /// Goes before every topic and consumer group (topic_prefix)
    #[arg(long, value_name = "PREFIX", global = true)]
    topic_prefix: Option<String>,
    /// auto, human or json (telemetry.format)
    #[arg(long, value_name = "FORMAT", global = true)]
    log_format: Option<String>,
    /// Such as warn, or info,minuet_messaging=debug (telemetry.filter)
    #[arg(long, value_name = "FILTER", global = true)]
    log_filter: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the order service: prices orders and keeps their state
    Order(Service),
    /// Run the inventory service: reserves, confirms and releases stock
    Inventory(Service),
    /// Run the payment service: charges and refunds through the provider
    Payment(Service),
    /// Run the gateway: the HTTP edge
    Gateway(Service),
    /// Print a development token for the gateway (needs gateway.jwt_secret)
    Token(Token),
    /// Send events to their topic from JSON lines
    Produce(Produce),
    /// Hold the cluster's topics against topics.yaml
    #[command(subcommand)]
    Topics(Topics),
    /// Hold the registry's schemas against those of this build
    #[command(subcommand)]
    Schemas(Schemas),
    /// Bring the services' databases up to this build's schema
    Migrate(Migrate),
    /// Ask a health endpoint; exit status 0 if it answers 2xx
    Health(Health),
    /// Publish the demo's catalogue and stock, place its orders, and show what happened to each
    Demo(Demo),
    /// Events that could not be processed: look at them, have them processed again, give them up
    #[command(subcommand, after_long_help = DEAD_LETTERS_HELP)]
    DeadLetters(DeadLetters),
    /// What a service refuses to read since its database or a topic was put back, and what it could not read: look, accept
    #[command(subcommand, after_long_help = POSITIONS_HELP)]
    Positions(Positions),
    /// Prove that the reaction tables, topics.yaml and the schemas fit together; exit status 1 if they do not
    Lint,
    /// The events as a program of another team meets them: fields, topics, readers; AsyncAPI
    #[command(subcommand)]
    Contract(Contract),
    /// Print docs/dance.md, as `make generate` writes it
    #[command(hide = true)]
    Dance,
    /// Read the topics as evidence: what happened, whether the books balance, what this build would have done
    #[command(subcommand)]
    Audit(minuet_audit::Command),
    #[cfg(feature = "dev")]
    #[command(flatten)]
    Dev(crate::dev::Command),
}

#[derive(Debug, Args)]
pub(crate) struct Service {
    /// Where to listen for HTTP (`listen` in the service's section)
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Whose orders: the token's `sub`
    #[arg(long, value_name = "ID")]
    pub(crate) user: UserName,
    /// `admin` may see every order and change products and stock
    #[arg(long)]
    pub(crate) scope: Option<Scope>,
    /// How long it is valid: a number with s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "12h", value_parser = duration)]
    pub(crate) ttl: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    Admin,
}

#[derive(Debug, Args)]
#[command(after_long_help = PRODUCE_HELP)]
pub(crate) struct Produce {
    /// The record's name, such as ProductChanged; without it the lines are those of `minuet audit replay export`
    #[arg(value_name = "EVENT")]
    pub(crate) event: Option<EventType>,
    /// Must equal the record's own key field, which is the default
    #[arg(long, requires = "event")]
    pub(crate) key: Option<String>,
    /// Read from here instead of stdin; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Go on after a wrong line; the exit status is 1 all the same
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Send under the given key even where it is not the record's own: consumers will park it
    #[arg(long, requires = "event")]
    pub(crate) force_key: bool,
    /// How fast exported lines are sent: recorded, a factor such as 10, or max
    #[arg(long, default_value = "max", conflicts_with = "event")]
    pub(crate) speed: Speed,
    /// Print a line of this event as an example, and send nothing
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["event", "file", "keep_going", "speed"])]
    pub(crate) example: Option<EventType>,
}

const PRODUCE_HELP: &str = "\
Each line is one JSON object, the record's fields:
  {\"sku\": \"TEA-1\", \"name\": \"Assam\", \"currency\": \"EUR\", \"unit_price\": \"12.50\", \"active\": true}
or the record with its key and headers beside it:
  {\"value\": {...}, \"key\": \"TEA-1\", \"headers\": {\"ce_source\": \"/shop/import\", \"ce_id\": \"...\"}}
A ProductChanged whose value is null takes the product out of the shop (a tombstone on the compacted topic):
  {\"key\": \"TEA-1\", \"value\": null}
What `minuet audit replay export` gave out (no EVENT) goes to the topics it came from, under the prefix of this installation,
with the keys and headers that it had:
  minuet audit replay export >day.jsonl; minuet --topic-prefix copy. produce --file day.jsonl --speed recorded
A line to begin with, of any event; its ids are the same each time, so give it your own:
  minuet produce --example OrderSubmitted
Amounts are decimal strings, ids are strings, times are RFC 3339 or whole microseconds, bytes are hex. Empty lines are skipped.
Headers that are not given are filled in: ce_id (a new UUIDv7), ce_source (/minuet/produce), ce_time (now), a new trace.
A line that is wrong is named with its number and field, and nothing after it is sent (but see --keep-going).
To send a line again without a second effect, give it the same ce_id and ce_source.";

const DEAD_LETTERS_HELP: &str = "\
An event that cannot be processed is set aside with its bytes, its headers and the reason. On our own topics the later events of
its topic and key wait behind it, in order. Once the cause is mended:
  minuet dead-letters list
  minuet dead-letters show --service order 17
  minuet dead-letters redrive --service order 17
All of it works on the service's database, whether the service runs or not; but only a running service redrives.";

const POSITIONS_HELP: &str = "\
A service whose database knows less than its consumer group has committed was put back to an earlier state: it reads nothing, and
is not ready. Rebuild its database from the topics (minuet audit replay rebuild), or accept the state:
  minuet positions list
  minuet positions accept --service order --from database    # reads on from where the database stands: nothing is lost that the topics still have
  minuet positions accept --service order --from group       # reads on from where the group stands: what the database lost stays lost
The list also has messages that were deleted from a topic before a service read them; they stay lost. Accept that they are known:
  minuet positions accept --service order
A running service sees the answer within seconds.";

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Topics {
    /// Show what the cluster has otherwise; exit status 1 if `apply` would have something to do
    Plan,
    /// Create what is missing and set what differs. Deletes nothing, and never changes a keyed topic's partitions
    Apply,
    /// Have a service skip a batch that it cannot unpack: its readiness says where it stands. The batch's records are lost
    Skip(Skip),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Skip {
    /// The topic's name in topics.yaml, without prefix
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: String,
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) partition: i32,
    /// Where the service stands
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) offset: i64,
    /// The first offset after the batch [default: the first one that can be read]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) until: Option<i64>,
    /// The service that skips it; each service that reads the topic is asked by itself
    #[arg(long)]
    pub(crate) service: Database,
    /// Why the records are given up
    #[arg(long, value_name = "TEXT", value_parser = kept)]
    pub(crate) reason: String,
    /// Who gives them up
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, value_parser = kept)]
    pub(crate) by: String,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Schemas {
    /// Register every schema, one subject per record
    Register,
    /// Check that every schema is compatible with what is registered; exit status 1 if one is not
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Only these services' databases [default: all three]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<Database>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The gateway's address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) gateway: String,
}

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// Such as http://127.0.0.1:8080/readyz
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// How long to wait for the answer: a number with s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

impl Command {
    /// Sections of the settings without which it cannot work.
    pub(crate) fn needs(&self) -> &'static [&'static str] {
        match self {
            Command::Order(_) => &["kafka", "registry", "order"],
            Command::Inventory(_) => &["kafka", "registry", "inventory"],
            Command::Payment(_) => &["kafka", "registry", "payment"],
            Command::Gateway(_) => &["kafka", "registry", "gateway"],
            Command::Produce(produce) if produce.example.is_some() => &[],
            Command::Produce(_) => &["kafka", "registry"],
            Command::Topics(_) => &["kafka"],
            Command::Schemas(_) => &["registry"],
            // A single key each: asked for where it is used.
            Command::DeadLetters(_)
            | Command::Positions(_)
            | Command::Token(_)
            | Command::Migrate(_)
            | Command::Health(_)
            | Command::Lint
            | Command::Contract(_)
            | Command::Dance => &[],
            Command::Demo(_) | Command::Audit(_) => &["kafka", "registry"],
            #[cfg(feature = "dev")]
            Command::Dev(command) => command.needs(),
        }
    }

    /// A service leans on nothing that it was not given; a tool may find the stack that runs beside it.
    fn is_tool(&self) -> bool {
        match self {
            Command::Order(_) | Command::Inventory(_) | Command::Payment(_) | Command::Gateway(_) => false,
            #[cfg(feature = "dev")]
            Command::Dev(_) => false,
            Command::Token(_)
            | Command::Audit(_)
            | Command::Produce(_)
            | Command::Topics(_)
            | Command::Schemas(_)
            | Command::Migrate(_)
            | Command::Health(_)
            | Command::Demo(_)
            | Command::DeadLetters(_)
            | Command::Positions(_)
            | Command::Lint
            | Command::Contract(_)
            | Command::Dance => true,
        }
    }

    /// Speaks to a person: its own lines matter more than the log's.
    pub(crate) fn is_quiet(&self) -> bool {
        match self {
            #[cfg(feature = "dev")]
            Command::Dev(command) => command.is_quiet(),
            _ => self.is_tool(),
        }
    }

    /// What this process calls itself among those that send telemetry.
    pub(crate) fn process(&self) -> &'static str {
        match self {
            Command::Order(_) => "order",
            Command::Inventory(_) => "inventory",
            Command::Payment(_) => "payment",
            Command::Gateway(_) => "gateway",
            #[cfg(feature = "dev")]
            Command::Dev(command) => command.process(),
            _ => "tool",
        }
    }

    fn listen(&self) -> Option<(&'static str, SocketAddr)> {
        let (key, service) = match self {
            Command::Order(service) => ("order.listen", service),
            Command::Inventory(service) => ("inventory.listen", service),
            Command::Payment(service) => ("payment.listen", service),
            Command::Gateway(service) => ("gateway.listen", service),
            Command::Token(_)
            | Command::Produce(_)
            | Command::Topics(_)
            | Command::Schemas(_)
            | Command::Migrate(_)
            | Command::Health(_)
            | Command::Demo(_)
            | Command::DeadLetters(_)
            | Command::Positions(_)
            | Command::Lint
            | Command::Contract(_)
            | Command::Dance
            | Command::Audit(_) => return None,
            #[cfg(feature = "dev")]
            Command::Dev(_) => return None,
        };
        service.listen.map(|listen| (key, listen))
    }
}

impl Cli {
    /// Everything that settings may be read from.
    pub(crate) fn sources(&self) -> Sources {
        let common = &self.common;
        let mut flags: Vec<(String, String, String)> = common
            .set
            .iter()
            .map(|set| match set.split_once('=') {
                Some((key, value)) => (format!("--set {key}"), key.to_owned(), value.to_owned()),
                // Not parsed by clap, which would repeat what it does not understand: it may be a secret.
                None => ("--set".to_owned(), String::new(), String::new()),
            })
            .collect();
        let named = [
            ("--bootstrap-servers", "kafka.bootstrap.servers", &common.bootstrap_servers),
            ("--registry-url", "registry.url", &common.registry_url),
            ("--topic-prefix", "topic_prefix", &common.topic_prefix),
            ("--log-format", "telemetry.format", &common.log_format),
            ("--log-filter", "telemetry.filter", &common.log_filter),
        ];
        for (flag, key, value) in named {
            flags.extend(value.iter().map(|value| (flag.to_owned(), key.to_owned(), value.clone())));
        }
        if let Some((key, listen)) = self.command.listen() {
            flags.push(("--listen".to_owned(), key.to_owned(), listen.to_string()));
        }
        #[cfg(feature = "dev")]
        if let Command::Dev(command) = &self.command {
            let ports = command.ports().into_iter();
            flags.extend(ports.map(|(flag, key, port)| (flag.to_owned(), key.to_owned(), port.to_string())));
        }
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Sources {
            file: common.config.clone(),
            environment: std::env::vars_os().filter_map(utf8).collect(),
            flags,
            up: self.command.is_tool().then(|| UP.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_are_settings_wherever_they_stand() {
        let arguments = ["minuet", "-b", "k:1", "order", "--listen", "127.0.0.1:1", "--set", "order.x=a=b"];
        let sources = Cli::try_parse_from(arguments).expect("arguments").sources();
        let flags: Vec<_> = sources.flags.iter().map(|(_, key, value)| format!("{key}={value}")).collect();
        assert_eq!(flags, ["order.x=a=b", "kafka.bootstrap.servers=k:1", "order.listen=127.0.0.1:1"]);
        assert_eq!(sources.up, None);
    }
}
