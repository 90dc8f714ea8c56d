//! What is on sale against the catalogue's topic: it keeps the newest record of each product.

use std::sync::Arc;

use minuet_events::EventType;
use minuet_messaging::{Partition, Slice};

use super::findings::{Check, Findings};
use super::tables::Tables;
use crate::log::Log;
use crate::{AuditError, Context};

/// Products on sale whose topic has no record of them, or a deletion.
pub(super) fn check(
    context: &Context,
    log: &Log,
    tables: &Tables,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    let name = format!("{}{}", context.prefix, context.catalogue.topic_of(EventType::ProductChanged));
    let topics = log.reader.topics(&name)?;
    let Some((topic, numbers)) = topics.into_iter().find(|(topic, _)| **topic == *name) else {
        return Ok(());
    };
    let partitions: Vec<Partition> = numbers.into_iter().map(|number| (Arc::clone(&topic), number)).collect();
    let slices =
        partitions.iter().zip(log.reader.bounds(&partitions)?).map(|((topic, partition), offsets)| Slice {
            topic: Arc::clone(topic),
            partition: *partition,
            offsets,
        });
    let known = log.reader.kept_keys(&slices.collect::<Vec<_>>())?;
    for sku in context.runtime.block_on(tables.on_sale())? {
        if !known.contains(&sku) {
            findings.add(
                Check::Database,
                sku,
                format!("products has it on sale, and {name} does not have it"),
                [],
            );
        }
    }
    Ok(())
}
