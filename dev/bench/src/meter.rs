//! What was used up to one moment; two of them give what a measure cost.

use std::time::Instant;

use crate::proc::{self, Processes};
use crate::program::Program;
use crate::servers::Servers;
use crate::{BenchError, flight::Flight};

/// Whose CPU is counted. Servers of another machine cannot be.
pub(crate) struct Meter {
    program: Vec<u32>,
    postgres: Option<u32>,
    broker: Option<u32>,
    databases: Vec<String>,
    /// Addresses of the program's metrics pages.
    metrics: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) at: Instant,
    pub(crate) ended: u64,
    cpu: Cpu,
    /// Bytes.
    wal: i64,
    transactions: i64,
    counts: Counts,
}

/// Counters of the program's metrics pages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Requests of the program's Kafka clients to the broker.
    pub(crate) produce: f64,
    pub(crate) fetch: f64,
    /// Batches that were decided again under locks.
    pub(crate) conflicts: f64,
}

/// Seconds.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    pub(crate) program: f64,
    pub(crate) postgres: Option<f64>,
    pub(crate) broker: Option<f64>,
    pub(crate) generator: f64,
}

/// What lies between two readings.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    pub(crate) seconds: f64,
    pub(crate) orders: u64,
    pub(crate) cpu: Cpu,
    pub(crate) wal: i64,
    pub(crate) transactions: i64,
    pub(crate) counts: Counts,
}

impl Meter {
    pub(crate) async fn new(servers: &Servers, program: &Program) -> Result<Self, BenchError> {
        let back_end: i32 =
            sqlx::query_scalar("select pg_backend_pid()").fetch_one(servers.pool("order")?).await?;
        let mut databases = Vec::new();
        for database in &servers.databases {
            databases
                .push(sqlx::query_scalar("select current_database()::text").fetch_one(&database.pool).await?);
        }
        Ok(Meter {
            program: program.pids.clone(),
            postgres: Processes::now().postgres_of(back_end.unsigned_abs()),
            broker: servers.kafka.values().find_map(|address| proc::listener(local_port(address)?)),
            databases,
            metrics: program.metrics(),
        })
    }

    pub(crate) async fn read(&self, servers: &Servers, flight: &Flight) -> Result<Reading, BenchError> {
        let counts = self.counts().await;
        let (wal, transactions) = sqlx::query_as(
            "select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint, sum(xact_commit + xact_rollback)::bigint
             from pg_stat_database where datname = any($1)",
        )
        .bind(&self.databases)
        .fetch_one(servers.pool("order")?)
        .await?;
        let (at, ended, processes) = (Instant::now(), flight.ended(), Processes::now());
        let tree = |pid| processes.tree_cpu(pid);
        let cpu = Cpu {
            program: self.program.iter().copied().map(tree).sum(),
            postgres: self.postgres.map(tree),
            broker: self.broker.map(tree),
            generator: processes.own_cpu(std::process::id()),
        };
        Ok(Reading { at, ended, cpu, wal, transactions, counts })
    }

    /// Of all pages together. A page that does not answer (of a service that was not started) counts nothing.
    async fn counts(&self) -> Counts {
        let mut all = Counts::default();
        for url in &self.metrics {
            let Ok(page) = reqwest::get(url).await else { continue };
            let Counts { produce, fetch, conflicts } = Counts::on(&page.text().await.unwrap_or_default());
            all.produce += produce;
            all.fetch += fetch;
            all.conflicts += conflicts;
        }
        all
    }
}

impl Counts {
    /// What a metrics page says of all clients and tables.
    fn on(page: &str) -> Self {
        let sum = |counter: &str, label: &str| {
            let counts = page.lines().filter(|line| line.starts_with(counter) && line.contains(label));
            counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        Counts {
            produce: sum("kafka_client_request_count_total{", "request=\"produce\""),
            fetch: sum("kafka_client_request_count_total{", "request=\"fetch\""),
            conflicts: sum("commit_conflict_count_total{", ""),
        }
    }
}

/// Of an address on this machine. Another machine's broker may have the port of something that listens here.
fn local_port(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    ["127.0.0.1", "localhost", "[::1]"].contains(&host).then(|| port.parse().ok()).flatten()
}

impl Reading {
    pub(crate) fn since(&self, before: &Reading) -> Used {
        let both = |now: Option<f64>, then: Option<f64>| now.zip(then).map(|(now, then)| now - then);
        Used {
            seconds: self.at.duration_since(before.at).as_secs_f64(),
            orders: self.ended - before.ended,
            cpu: Cpu {
                program: self.cpu.program - before.cpu.program,
                postgres: both(self.cpu.postgres, before.cpu.postgres),
                broker: both(self.cpu.broker, before.cpu.broker),
                generator: self.cpu.generator - before.cpu.generator,
            },
            wal: self.wal - before.wal,
            transactions: self.transactions - before.transactions,
            counts: Counts {
                produce: self.counts.produce - before.counts.produce,
                fetch: self.counts.fetch - before.counts.fetch,
                conflicts: self.counts.conflicts - before.counts.conflicts,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_their_labels() {
        let page = "# TYPE kafka_client_request_count_total counter\n\
            kafka_client_request_count_total{client=\"producer\",request=\"produce\",service=\"order\"} 7\n\
            kafka_client_request_count_total{client=\"producer\",request=\"other\",service=\"order\"} 3\n\
            kafka_client_request_count_total{client=\"batching-producer\",request=\"produce\",service=\"order\"} 5\n\
            kafka_client_request_count_total{client=\"consumer\",request=\"fetch\",service=\"order\"} 11\n\
            kafka_client_sent_bytes_total{client=\"producer\",service=\"order\"} 100\n\
            commit_conflict_count_total{service=\"order\",table=\"orders\"} 2\n\
            commit_conflict_count_total{service=\"order\",table=\"inbox\"} 1\n";
        assert_eq!(Counts::on(page), Counts { produce: 12.0, fetch: 11.0, conflicts: 3.0 });
    }

    #[test]
    fn only_a_broker_of_this_machine_is_counted() {
        assert_eq!(local_port("127.0.0.1:9092"), Some(9092));
        assert_eq!(local_port("localhost:9092"), Some(9092));
        assert_eq!(local_port("kafka.example:9092"), None);
    }
}
