//! Adjustments of stock: each is answered once, and does what it said.

use std::collections::{HashMap, VecDeque};

use minuet_events::inventory::StockAdjusted;
use minuet_events::values::{AdjustmentId, Micros, Sku};
use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

use super::counts::Counts;
use super::findings::{Check, Findings};
use super::sequence::{Next, Sequence};
use crate::record::{Head, Position};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Adjustment {
    asked: Option<Asked>,
    told: Option<Told>,
    /// What the level says that it changed.
    changed: Option<i64>,
    closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    /// Of the first request, and of those that repeated it.
    ids: Vec<Uuid>,
    payload: u64,
    #[serde(rename = "place")]
    position: Position,
    delta: i32,
    at: Micros,
    /// Inventory parks it; before this rule it was answered.
    #[serde(default)]
    inadmissible: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    id: Uuid,
    cause: Option<Uuid>,
    payload: u64,
    #[serde(rename = "place")]
    position: Position,
    applied: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Adjustments {
    open: HashMap<Uuid, Adjustment>,
    answered: VecDeque<Uuid>,
    sequences: HashMap<Sku, Sequence>,
    truncated: bool,
    remember: usize,
}

impl Adjustments {
    pub(super) fn new(truncated: bool, remember: usize) -> Self {
        Adjustments { truncated, remember, ..Adjustments::default() }
    }

    pub(super) fn asked(
        &mut self,
        event: &StockAdjusted,
        head: &Head,
        counts: &mut Counts,
        findings: &mut Findings,
    ) {
        let id = event.adjustment_id.as_uuid();
        let adjustment = self.open.entry(id).or_default();
        match &mut adjustment.asked {
            None => {
                let (payload, position, delta, at) =
                    (head.payload, head.position, event.delta, head.recorded);
                let inadmissible =
                    event.sku.check_admissible().is_err() || event.warehouse_code.check_admissible().is_err();
                adjustment.asked =
                    Some(Asked { ids: vec![head.id], payload, position, delta, at, inadmissible });
            }
            Some(first) if first.ids[0] == head.id => {
                counts.repetitions += 1;
                if first.payload != head.payload {
                    let detail = "StockAdjusted came again with another payload";
                    findings.add(Check::Repetition, id, detail, [first.position, head.position]);
                }
            }
            // Another event that asks for the same: it has no effect of its own.
            Some(first) => {
                counts.resubmissions += 1;
                if first.ids.len() < 16 {
                    first.ids.push(head.id);
                }
            }
        }
        self.check(id, findings);
    }

    /// False: it was told before.
    pub(super) fn told(
        &mut self,
        sku: &Sku,
        adjustment: AdjustmentId,
        head: &Head,
        counts: &mut Counts,
        findings: &mut Findings,
    ) -> bool {
        let id = adjustment.as_uuid();
        let entry = self.open.entry(id).or_default();
        if let Some(told) = &entry.told {
            if told.id == head.id {
                counts.repetitions += 1;
                if told.payload != head.payload {
                    let detail = format!("{} came again with another payload", head.event_type);
                    findings.add(Check::Repetition, id, detail, [told.position, head.position]);
                }
            } else {
                let detail = "an adjustment was answered twice";
                findings.add(Check::Twice, id, detail, [told.position, head.position]);
            }
            return false;
        }
        let applied = head.event_type == minuet_events::EventType::StockLevelChanged;
        let Head { id: event, cause, payload, position, .. } = *head;
        entry.told = Some(Told { id: event, cause, payload, position, applied });
        self.number(sku, head, findings);
        self.check(id, findings);
        true
    }

    fn number(&mut self, sku: &Sku, head: &Head, findings: &mut Findings) {
        let Some(number) = head.sequence else {
            let detail = format!("{} has no ce_sequence", head.event_type);
            return findings.add(Check::Sequence, sku, detail, [head.position]);
        };
        let sequence = match self.sequences.get_mut(sku) {
            Some(sequence) => sequence,
            None => self.sequences.entry(sku.clone()).or_default(),
        };
        if let Next::Wrong(check, detail) = sequence.take(number, head.position, self.truncated) {
            findings.add(check, sku, format!("{}: {detail}", head.event_type), [head.position]);
        }
    }

    pub(super) fn changed(&mut self, adjustment: AdjustmentId, by: i64, findings: &mut Findings) {
        if let Some(entry) = self.open.get_mut(&adjustment.as_uuid()) {
            entry.changed = Some(by);
            self.check(adjustment.as_uuid(), findings);
        }
    }

    /// Once all is known.
    fn check(&mut self, id: Uuid, findings: &mut Findings) {
        let Some(entry) = self.open.get_mut(&id) else { return };
        let Adjustment { asked: Some(asked), told: Some(told), changed, closed: closed @ false } = entry
        else {
            return;
        };
        if !told.cause.is_some_and(|cause| asked.ids.contains(&cause)) {
            // The request that it names may still come.
            return;
        }
        if told.applied
            && let Some(changed) = *changed
            && changed != i64::from(asked.delta)
        {
            let detail = format!("an adjustment by {} changed the level by {changed}", asked.delta);
            findings.add(Check::StockLevel, id, detail, [asked.position, told.position]);
        }
        if changed.is_none() && told.applied {
            return;
        }
        *closed = true;
        self.answered.push_back(id);
        while self.answered.len() > self.remember {
            if let Some(oldest) = self.answered.pop_front() {
                self.open.remove(&oldest);
            }
        }
    }

    pub(super) fn end(&self, now: Micros, deadline: Duration, findings: &mut Findings) {
        for (sku, sequence) in &self.sequences {
            for (number, position) in sequence.missing() {
                let detail = format!("ce_sequence {number} from inventory is missing");
                findings.add(Check::Loss, sku, detail, [*position]);
            }
        }
        for (id, adjustment) in &self.open {
            match adjustment {
                Adjustment { asked: Some(asked), told: None, .. }
                    if !asked.inadmissible && now > asked.at.plus(deadline) =>
                {
                    let detail =
                        "an adjustment waits for StockLevelChanged or StockAdjustmentRejected from inventory";
                    findings.add(Check::Stuck, id, detail, [asked.position]);
                }
                Adjustment { asked, told: Some(told), .. } if !self.truncated => {
                    let is_caused =
                        |asked: &Asked| told.cause.is_some_and(|cause| asked.ids.contains(&cause));
                    if !asked.as_ref().is_some_and(is_caused) {
                        let detail = "an adjustment was answered that nobody asked for";
                        findings.add(Check::Cause, id, detail, [told.position]);
                    }
                }
                Adjustment { .. } => {}
            }
        }
    }
}
