//! Reads the topics into the shadow, and shows what differs.

use std::io::{self, Write};
use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::{Build, Differing, Shadow};
use crate::args::Shadow as Arguments;
use crate::decode::{Content, Decoder};
use crate::log::{Log, Point};
use crate::progress::Progress;
use crate::record::Topics;
use crate::{AuditError, Context, Outcome};

pub(crate) fn run(
    arguments: &Arguments,
    context: &Context,
    out: &mut dyn Write,
) -> Result<Outcome, AuditError> {
    let log = Log::open(context)?;
    let wanted = arguments.range.wanted(Point::Beginning, None);
    let selection = log.select(&wanted, context)?;
    selection.survey.stands(arguments.strict)?;
    let decoder = Decoder { codec: &context.codec, catalogue: &context.catalogue, runtime: &context.runtime };
    let truncated = wanted.from != Point::Beginning || !selection.survey.truncated.is_empty();
    let mut shadow = Shadow::new(Build::PRESENT, truncated);
    let (mut malformed, mut progress) = (0_u64, Progress::new(selection.messages()));
    let show = |differing: &Differing, out: &mut dyn Write| {
        let written = if arguments.json {
            writeln!(out, "{}", json_of(differing, &log.topics))
        } else {
            text_of(differing, &log.topics, out)
        };
        written.map_err(AuditError::Write)
    };
    log.read(
        &selection,
        |message, position| decoder.decode(message, position, log.topics.name(position)),
        |read| {
            progress.tick();
            match read? {
                Ok(Content::Event(record)) => {
                    for differing in shadow.see(*record) {
                        show(&differing, out)?;
                    }
                }
                Ok(Content::Tombstone { position, recorded, key }) => shadow.erased(&key, position, recorded),
                Err(found) if arguments.strict => {
                    let position = log.topics.show(found.position);
                    let detail = format!("{}: {}", found.code, found.detail);
                    return Err(AuditError::Strict { position, detail });
                }
                Err(_) => malformed += 1,
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    for differing in shadow.end() {
        show(&differing, out)?;
    }
    let (counts, speed) = (shadow.counts(), progress.end());
    let summary = if arguments.json {
        let summary = json!({
            "agrees": counts.differing == 0,
            "events": counts.events,
            "orders": counts.orders,
            "adjustments": counts.adjustments,
            "differing": counts.differing,
            "open": counts.open,
            "cut": counts.cut,
            "unproven": counts.unproven,
            "gave_up": counts.gave_up,
            "odd": malformed,
            "seconds": speed.seconds,
        });
        writeln!(out, "{summary}")
    } else {
        writeln!(
            out,
            "{} events in {:.1} s: {} orders and {} adjustments agree, {} differ; open: {}; begun before: {}; decided from what the record does not tell: {}; too many arrival orders to try: {}; odd messages: {malformed}",
            counts.events,
            speed.seconds,
            counts.orders,
            counts.adjustments,
            counts.differing,
            counts.open,
            counts.cut,
            counts.unproven,
            counts.gave_up,
        )
    };
    summary.and_then(|()| out.flush()).map_err(AuditError::Write)?;
    selection.survey.note();
    Ok(if counts.differing == 0 { Outcome::Holds } else { Outcome::Differs })
}

fn text_of(differing: &Differing, topics: &Topics, out: &mut dyn Write) -> io::Result<()> {
    for (at, line) in differing.difference.show(topics).iter().enumerate() {
        if at == 0 {
            writeln!(out, "{}: {line}", differing.subject)?;
        } else {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn json_of(differing: &Differing, topics: &Topics) -> Value {
    let difference = &differing.difference;
    let fields: Vec<Value> = difference
        .fields
        .iter()
        .map(|field| json!({"path": field.path, "recorded": field.recorded, "decided": field.decided}))
        .collect();
    json!({
        "subject": differing.subject,
        "service": difference.service.name(),
        "what": difference.what,
        "place": difference.position.map(|position| topics.show(position)),
        "fields": fields,
    })
}
