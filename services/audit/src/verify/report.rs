//! What the books say, for people and for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::books::{Books, Open};
use super::databases::Compared;
use super::findings::Check;
use crate::log::Survey;
use crate::progress::Speed;
use crate::record::Topics;

/// Open orders that are listed.
const LISTED: usize = 20;

pub(super) struct Report<'a> {
    pub(super) books: &'a Books,
    pub(super) topics: &'a Topics,
    pub(super) survey: &'a Survey,
    pub(super) open: Vec<Open>,
    pub(super) speed: Speed,
    pub(super) written_meanwhile: i64,
    pub(super) compared: Option<Compared>,
}

pub(super) fn write_text(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Report { books, topics, survey, open, speed, written_meanwhile, compared } = report;
    let (counts, findings) = (&books.counts, &books.findings);
    for violation in &findings.kept {
        writeln!(out, "{}", violation.show(topics))?;
    }
    let hidden = findings.total() - findings.kept.len() as u64;
    if hidden > 0 {
        writeln!(out, "... and {hidden} more")?;
    }
    let late = open.iter().filter(|open| open.late).count();
    let in_time = open.iter().filter(|open| !open.late && !open.awaited.is_empty());
    for Open { order, stage, since, awaited, .. } in in_time.clone().take(LISTED) {
        writeln!(out, "open          {order}: {stage} since {since}, waits for {}", awaited.join("; "))?;
    }
    for (label, names) in survey.lists() {
        writeln!(out, "{label:<13} {}", names.join(", "))?;
    }
    for (code, count) in &books.malformed {
        writeln!(out, "odd           {code}: {count} messages")?;
    }
    if *written_meanwhile > 0 {
        writeln!(out, "growing       {written_meanwhile} messages were written meanwhile, and not read")?;
    }
    writeln!(
        out,
        "{} events in {:.1} s, {:.0}/s; repetitions: {}; submitted again: {}; parked: {}",
        counts.events,
        speed.seconds,
        speed.per_second(),
        counts.repetitions,
        counts.resubmissions,
        counts.parked
    )?;
    writeln!(
        out,
        "{} orders: {} confirmed, {} cancelled, {} failed; open in time: {}; late: {late}; begun before: {}",
        counts.orders,
        counts.confirmed,
        counts.cancelled,
        counts.failed,
        in_time.count(),
        counts.cut
    )?;
    for (currency, money) in &books.money {
        let kept = money.captured - money.refunded;
        writeln!(
            out,
            "{currency} captured {} - refunded {} = {}; total of confirmed orders {}",
            currency.show(money.captured),
            currency.show(money.refunded),
            currency.show(kept),
            currency.show(money.confirmed)
        )?;
    }
    let levels = books.levels().fold((0_u64, 0, 0, 0), |(n, available, reserved, on_hand), (_, _, level)| {
        (n + 1, available + level.available, reserved + level.reserved, on_hand + level.on_hand)
    });
    writeln!(
        out,
        "{} stock levels: {} available + {} reserved = {} on hand",
        levels.0, levels.1, levels.2, levels.3
    )?;
    if let Some(Compared { orders, levels, moving }) = compared {
        writeln!(
            out,
            "databases compared: {orders} orders at rest, {levels} stock levels; on their way: {moving}"
        )?;
    }
    match findings.total() {
        0 => writeln!(out, "everything holds"),
        total => writeln!(out, "violations: {total}"),
    }
}

pub(super) fn write_json(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Report { books, topics, survey, open, speed, written_meanwhile, compared } = report;
    let checks: Map<String, Value> = Check::ALL
        .iter()
        .map(|check| (check.name().to_owned(), books.findings.count(*check).into()))
        .collect();
    let violations: Vec<Value> = books
        .findings
        .kept
        .iter()
        .map(|violation| {
            let evidence: Vec<Value> = violation
                .evidence
                .iter()
                .map(|position| {
                    json!({"topic": topics.name(*position), "partition": position.partition, "offset": position.offset})
                })
                .collect();
            json!({
                "check": violation.check.name(),
                "subject": violation.subject,
                "detail": violation.detail,
                "evidence": evidence,
            })
        })
        .collect();
    let open: Vec<Value> = open
        .iter()
        .filter(|open| !open.awaited.is_empty())
        .map(|open| {
            json!({
                "order_id": open.order,
                "status": open.stage.as_str(),
                "since": open.since,
                "awaited": open.awaited,
                "late": open.late,
            })
        })
        .collect();
    let topics: Map<String, Value> =
        survey.lists().map(|(label, names)| (label.to_owned(), json!(names))).collect();
    let document = json!({
        "holds": books.findings.total() == 0,
        "checks": checks,
        "violations": violations,
        "open": open,
        "counts": books.counts,
        "money": books.money,
        "odd": books.malformed,
        "topics": topics,
        "written_meanwhile": written_meanwhile,
        "databases": compared.map(|c| json!({"orders": c.orders, "levels": c.levels, "moving": c.moving})),
        "seconds": speed.seconds,
        "events_per_s": speed.per_second(),
    });
    writeln!(out, "{document}")
}
