//! `audit tail`: events as they come, or from anywhere.

mod format;

use std::collections::HashSet;
use std::io::{Write, stderr};
use std::ops::ControlFlow;
use std::time::Duration;

use minuet_events::values::{OrderId, UserId};
use minuet_events::{Event, EventType};
use minuet_text::escape::escaped_line;

use crate::args::{Select, Tail};
use crate::csv::row;
use crate::decode::{Content, Decoder};
use crate::full_message::FullMessage;
use crate::log::{Log, Point, Selection};
use crate::record::{Position, Topics};
use crate::summary::summary;
use crate::{AuditError, Context, Outcome};

pub(crate) use format::FORMAT_HELP;
use format::Template;

const PAUSE: Duration = Duration::from_millis(200);

pub(crate) fn run(tail: &Tail, context: &Context, out: &mut dyn Write) -> Result<Outcome, AuditError> {
    let log = Log::open(context)?;
    let default = if tail.exit || tail.range.ends() { Point::Beginning } else { Point::End };
    let wanted = tail.range.wanted(default, Some(&tail.select));
    let selection = log.select(&wanted, context)?;
    selection.survey.stands(tail.strict)?;
    let decoder = Decoder { codec: &context.codec, catalogue: &context.catalogue, runtime: &context.runtime };
    let style = match (&tail.format, tail.json) {
        (Some(template), _) => Style::Template(Template::parse(template)),
        (None, true) => Style::Json,
        (None, false) => Style::Line,
    };
    let mut showing = Showing {
        filter: Filter::new(&tail.select),
        style,
        topics: &log.topics,
        left: tail.select.count,
        strict: tail.strict,
        shown: 0,
        malformed: 0,
        out,
    };
    showing.all(&log, &selection, &decoder)?;
    if showing.left != Some(0) && !tail.exit && wanted.until.is_none() {
        follow(&log, &selection, &decoder, &mut showing)?;
    }
    showing.out.flush().map_err(AuditError::Write)?;
    selection.survey.note();
    if showing.malformed > 0 {
        // Where nobody sees stderr, nobody misses it.
        drop(writeln!(stderr(), "{} messages shown, {} of them odd", showing.shown, showing.malformed));
    }
    Ok(Outcome::Holds)
}

fn follow(
    log: &Log,
    selection: &Selection,
    decoder: &Decoder<'_>,
    showing: &mut Showing<'_>,
) -> Result<(), AuditError> {
    let from: Vec<_> = selection
        .slices
        .iter()
        .map(|slice| ((std::sync::Arc::clone(&slice.topic), slice.partition), slice.offsets.end))
        .collect();
    showing.out.flush().map_err(AuditError::Write)?;
    let mut failed = None;
    log.reader.live(&from, PAUSE, |message| {
        let shown = match message {
            None => showing.out.flush().map_err(AuditError::Write).map(|()| ControlFlow::Continue(())),
            Some(message) => {
                let position = Position { offset: message.offset, ..selection.positions[message.slice] };
                let read = FullMessage::of(&message, position, decoder, &log.topics);
                read.map_err(AuditError::from).and_then(|message| showing.show(&message))
            }
        };
        shown.unwrap_or_else(|error| {
            failed = Some(error);
            ControlFlow::Break(())
        })
    })?;
    failed.map_or(Ok(()), Err)
}

pub(crate) enum Style {
    Line,
    Json,
    Csv,
    Template(Template),
}

/// Shows what is selected, in one style.
pub(crate) struct Showing<'a> {
    pub(crate) filter: Filter,
    pub(crate) style: Style,
    pub(crate) topics: &'a Topics,
    /// How many may still be shown.
    pub(crate) left: Option<u64>,
    pub(crate) strict: bool,
    pub(crate) shown: u64,
    /// Of those that were shown.
    pub(crate) malformed: u64,
    pub(crate) out: &'a mut dyn Write,
}

impl Showing<'_> {
    /// Everything up to the ends of the selection, or as much as may be shown.
    pub(crate) fn all(
        &mut self,
        log: &Log,
        selection: &Selection,
        decoder: &Decoder<'_>,
    ) -> Result<(), AuditError> {
        if self.left == Some(0) {
            return Ok(());
        }
        let key = self.filter.order.clone();
        log.read_only(
            selection,
            // What is of another order need not be decoded.
            |message| key.as_deref().is_none_or(|key| message.key() == Some(key.as_bytes())),
            |message, position| FullMessage::of(message, position, decoder, &log.topics),
            |message| self.show(&message?),
        )
    }

    fn show(&mut self, message: &FullMessage) -> Result<ControlFlow<()>, AuditError> {
        if let (Err(malformed), true) = (&message.content, self.strict) {
            let position = self.topics.show(message.position);
            return Err(AuditError::Strict {
                position,
                detail: format!("{}: {}", malformed.code, malformed.detail),
            });
        }
        if !self.filter.takes(message) {
            return Ok(ControlFlow::Continue(()));
        }
        let written = match &self.style {
            Style::Line => writeln!(self.out, "{}", line(message, self.topics)),
            Style::Json => writeln!(self.out, "{}", message.json(self.topics)),
            Style::Csv => row(message, self.topics, self.out),
            Style::Template(template) => template.write(self.out, message, self.topics),
        };
        written.map_err(AuditError::Write)?;
        self.shown += 1;
        self.malformed += u64::from(message.content.is_err());
        self.left = self.left.map(|left| left - 1);
        Ok(if self.left == Some(0) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

fn line(message: &FullMessage, topics: &Topics) -> String {
    let (position, key) = (topics.show(message.position), message.key());
    let line = match &message.content {
        Ok(Content::Event(record)) => {
            let (head, said) = (&record.head, summary(&record.event));
            format!("{}  {:<27} {:<36}  {said}  {position}", head.time, head.event_type.name(), key)
        }
        Ok(Content::Tombstone { .. }) => {
            format!("{}  {:<27} {key:<36}  gone  {position}", message.timestamp, "(null)")
        }
        Err(malformed) => {
            let named = format!("! {}", malformed.code);
            format!("{}  {named:<27} {key:<36}  {}  {position}", message.timestamp, malformed.detail)
        }
    };
    // A line feed in a stranger's text begins no line.
    escaped_line(&line).into_owned()
}

/// Which events are meant.
pub(crate) struct Filter {
    order: Option<String>,
    user: Option<UserId>,
    types: Vec<EventType>,
    /// Orders of the user, as far as they were seen: most events do not name their user.
    orders: HashSet<OrderId>,
}

impl Filter {
    pub(crate) fn new(select: &Select) -> Self {
        Filter {
            order: select.order.map(|order| order.to_string()),
            user: select.user.clone(),
            types: select.types.clone(),
            orders: HashSet::new(),
        }
    }

    /// What is no event has no type and no user.
    pub(crate) fn takes(&mut self, message: &FullMessage) -> bool {
        if self.order.as_ref().is_some_and(|order| message.key.as_deref() != Some(order.as_bytes())) {
            return false;
        }
        let record = message.record();
        if let Some(user) = &self.user {
            let Some((_, event)) = record else { return false };
            let Some(order) = event.subject().order() else { return false };
            if user_of(event) == Some(user) {
                self.orders.insert(order);
            } else if !self.orders.contains(&order) {
                return false;
            }
        }
        self.types.is_empty() || record.is_some_and(|(head, _)| self.types.contains(&head.event_type))
    }
}

fn user_of(event: &Event) -> Option<&UserId> {
    match event {
        Event::OrderSubmitted(e) => Some(&e.user_id),
        Event::OrderPlaced(e) => Some(&e.user_id),
        Event::OrderRejected(e) => Some(&e.user_id),
        Event::OrderConfirmed(e) => Some(&e.user_id),
        Event::OrderCancelled(e) => Some(&e.user_id),
        Event::OrderFailed(e) => Some(&e.user_id),
        Event::InventoryReserved(e) => Some(&e.user_id),
        _ => None,
    }
}
