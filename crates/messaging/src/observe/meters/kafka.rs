//! librdkafka's statistics, and the consumer lag computed from them.

use std::sync::Arc;
use std::time::Instant;

use minuet_telemetry::meters::{Attribute, Meters, Series, attribute};
use minuet_telemetry::names::meter::{self, attribute as key};
use parking_lot::Mutex;
use rdkafka::Statistics;
use rdkafka::statistics::Partition;

use crate::observe::progress::Input;

/// The latest statistics of a client. Clones share their state.
#[derive(Clone, Default)]
pub(crate) struct KafkaStatistics(Arc<Mutex<Shown>>);

/// What requests are counted by: an order costs the broker requests, not messages.
const REQUESTS: [&str; 3] = ["produce", "fetch", "other"];

#[derive(Clone, Default)]
struct Shown {
    queue: u64,
    sent: u64,
    received: u64,
    /// Produce, fetch and all other requests: [`REQUESTS`].
    requests: [u64; 3],
    timeouts: u64,
    disconnects: u64,
    /// Only consumers have rebalances.
    rebalances: Option<u64>,
    /// Round-trip time of each broker, in seconds.
    round_trips: Vec<(i32, f64)>,
    /// Lag of each assigned partition, in messages.
    lags: Vec<(String, i32, i64)>,
    /// Every partition whose position and end are known.
    inputs: Vec<Input>,
    /// When these statistics came.
    at: Option<Instant>,
}

impl KafkaStatistics {
    pub(crate) fn show(&self, statistics: &Statistics) {
        *self.0.lock() = Shown { at: Some(Instant::now()), ..shown(statistics) };
    }

    /// The partitions as they were last seen, and when that was. `None`: the client has said nothing yet.
    pub(crate) fn inputs(&self) -> Option<(Instant, Vec<Input>)> {
        let shown = self.0.lock();
        shown.at.map(|at| (at, shown.inputs.clone()))
    }

    fn shown(&self) -> Shown {
        self.0.lock().clone()
    }
}

/// Registers meters for the clients of a service, by name.
pub(crate) fn observe(meters: &Meters, clients: &[(&'static str, KafkaStatistics)]) {
    let clients: Arc<[(&'static str, KafkaStatistics)]> = clients.into();
    let total = |of: fn(&Shown) -> Option<u64>| {
        let clients = Arc::clone(&clients);
        move || -> Series<u64> {
            let all = clients.iter();
            all.filter_map(|(name, client)| Some((vec![named(name)], of(&client.shown())?))).collect()
        }
    };
    meters.total(&meter::KAFKA_SENT, total(|shown| Some(shown.sent)));
    meters.total(&meter::KAFKA_RECEIVED, total(|shown| Some(shown.received)));
    let all = Arc::clone(&clients);
    meters.total(&meter::KAFKA_REQUEST_COUNT, move || {
        let series = all.iter().flat_map(|(name, client)| {
            let counts = REQUESTS.into_iter().zip(client.shown().requests);
            counts.map(|(request, count)| (vec![named(name), attribute(key::REQUEST, request)], count))
        });
        series.collect()
    });
    meters.total(&meter::KAFKA_TIMEOUT_COUNT, total(|shown| Some(shown.timeouts)));
    meters.total(&meter::KAFKA_DISCONNECT_COUNT, total(|shown| Some(shown.disconnects)));
    meters.total(&meter::KAFKA_REBALANCE_COUNT, total(|shown| shown.rebalances));

    let all = Arc::clone(&clients);
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    meters.gauge(&meter::KAFKA_QUEUE, move || {
        all.iter().map(|(name, client)| (vec![named(name)], client.shown().queue as f64)).collect()
    });
    let all = Arc::clone(&clients);
    meters.gauge(&meter::KAFKA_BROKER_RTT, move || {
        let series = all.iter().flat_map(|(name, client)| {
            let trips = client.shown().round_trips.into_iter();
            trips.map(|(broker, rtt)| (vec![named(name), attribute(key::BROKER, i64::from(broker))], rtt))
        });
        series.collect()
    });
    let all = Arc::clone(&clients);
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    meters.gauge(&meter::CONSUMER_LAG, move || {
        let lags = all.iter().flat_map(|(_, client)| client.shown().lags);
        let series = lags.map(|(topic, partition, lag)| {
            let place = [attribute(key::TOPIC, topic), attribute(key::PARTITION, i64::from(partition))];
            (place.to_vec(), lag as f64)
        });
        series.collect()
    });
}

fn named(client: &'static str) -> Attribute {
    attribute(key::CLIENT, client)
}

fn shown(statistics: &Statistics) -> Shown {
    let positive = |count: i64| u64::try_from(count).unwrap_or_default();
    let brokers = statistics.brokers.values();
    let mut requests = [0; 3];
    for (request, count) in brokers.clone().flat_map(|broker| &broker.req) {
        let at = match request.as_str() {
            "Produce" => 0,
            "Fetch" => 1,
            _ => 2,
        };
        requests[at] += positive(*count);
    }
    let round_trips = brokers.clone().filter(|broker| broker.nodeid >= 0).filter_map(|broker| {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a round trip")]
        broker.rtt.as_ref().map(|rtt| (broker.nodeid, rtt.p99 as f64 / 1e6))
    });
    let read = statistics.topics.iter().flat_map(|(topic, of)| {
        of.partitions.values().filter_map(move |partition| {
            let reads = partition.partition >= 0 && partition.fetch_state == "active";
            reads.then(|| lag(partition)).flatten().map(|lag| (topic.clone(), partition.partition, lag))
        })
    });
    Shown {
        queue: positive(statistics.replyq) + statistics.msg_cnt,
        sent: positive(statistics.tx_bytes),
        received: positive(statistics.rx_bytes),
        requests,
        timeouts: brokers.clone().map(|broker| broker.req_timeouts).sum(),
        disconnects: brokers.map(|broker| broker.disconnects.map_or(0, positive)).sum(),
        rebalances: statistics.cgrp.as_ref().map(|group| positive(group.rebalance_cnt)),
        round_trips: round_trips.collect(),
        lags: read.collect(),
        inputs: statistics
            .topics
            .iter()
            .flat_map(|(topic, of)| {
                of.partitions.values().filter_map(move |partition| input(topic, partition))
            })
            .collect(),
        at: None,
    }
}

fn input(topic: &str, of: &Partition) -> Option<Input> {
    let done = done(of).filter(|_| of.partition >= 0 && of.hi_offset >= 0)?;
    // Everything up to the end was fetched, handed over and processed: what lies between has no messages.
    let is_read = of.next_offset >= of.hi_offset && of.fetchq_cnt == 0 && of.app_offset <= done;
    let has_work = done < of.hi_offset && !is_read;
    Some(Input { topic: topic.to_owned(), partition: of.partition, done, end: of.hi_offset, has_work })
}

/// The stored (else committed, else lowest) offset.
fn done(partition: &Partition) -> Option<i64> {
    let Partition { stored_offset, committed_offset, lo_offset, .. } = *partition;
    [stored_offset, committed_offset, lo_offset].into_iter().find(|offset| *offset >= 0)
}

/// Messages between the stored (else committed, else lowest) offset and the end.
fn lag(partition: &Partition) -> Option<i64> {
    let (done, end) = (done(partition)?, partition.hi_offset);
    (end >= 0).then(|| (end - done).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_with_a_broker_is_summed() {
        use std::collections::HashMap;

        use rdkafka::statistics::Broker;
        let broker = |req_timeouts, disconnects| Broker {
            req_timeouts,
            disconnects: Some(disconnects),
            ..Broker::default()
        };
        let mut brokers = HashMap::from([("a".to_owned(), broker(2, 3)), ("b".to_owned(), broker(5, 7))]);
        for broker in brokers.values_mut() {
            broker.req =
                [("Produce".to_owned(), 3), ("Fetch".to_owned(), 5), ("Metadata".to_owned(), 1)].into();
        }
        let seen = shown(&Statistics { brokers, replyq: 4, msg_cnt: 6, ..Statistics::default() });
        assert_eq!((seen.timeouts, seen.disconnects, seen.queue), (7, 10, 10));
        assert_eq!(seen.requests, [6, 10, 2]);
    }

    #[test]
    fn a_gap_at_the_end_is_no_work() {
        let partition = |next_offset, fetchq_cnt, app_offset| Partition {
            stored_offset: 5,
            hi_offset: 9,
            next_offset,
            fetchq_cnt,
            app_offset,
            ..Partition::default()
        };
        let has_work = |of| input("orders.intake", &of).unwrap().has_work;
        assert!(!has_work(partition(9, 0, 5)), "compacted, or the mark of a transaction");
        assert!(has_work(partition(7, 0, 5)), "not fetched");
        assert!(has_work(partition(9, 1, 5)), "not handed over");
        assert!(has_work(partition(9, 0, 6)), "not processed");
        assert!(input("orders.intake", &Partition { hi_offset: -1001, ..partition(9, 0, 5) }).is_none());
    }

    #[test]
    fn the_lag_is_counted_from_what_is_done() {
        let partition = |stored_offset, committed_offset, lo_offset, hi_offset| Partition {
            stored_offset,
            committed_offset,
            lo_offset,
            hi_offset,
            ..Partition::default()
        };
        const UNKNOWN: i64 = -1001;
        assert_eq!(lag(&partition(7, 3, 0, 10)), Some(3));
        assert_eq!(lag(&partition(UNKNOWN, 3, 0, 10)), Some(7));
        assert_eq!(lag(&partition(UNKNOWN, UNKNOWN, 4, 10)), Some(6));
        assert_eq!(lag(&partition(7, 3, 0, UNKNOWN)), None);
        assert_eq!(lag(&partition(11, 3, 0, 10)), Some(0), "the end was asked for a moment ago");
    }
}
