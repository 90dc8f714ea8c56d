//! Templates as kcat has them.

use std::io::{self, Write};

use crate::full_message::FullMessage;
use crate::record::Topics;

pub(crate) const FORMAT_HELP: &str = "\
A template is text with
  %s  the record as JSON        %k  the key           %h  the headers, name=value with commas between
  %t  the topic                 %p  the partition     %o  the offset
  %T  Kafka's time in ms        %S  bytes of payload  %K  bytes of key
  %e  the event's type          %i  its ce_id         %%  a percent sign
and \\n, \\t, \\r, \\\\. Nothing is added at the end of an event: write \\n.
Without -o or --from it begins at the end; with -e, or an end in time, at the beginning.";

pub(crate) struct Template(Vec<Part>);

enum Part {
    Text(String),
    Field(char),
}

impl Template {
    /// What stands behind a percent sign and means nothing stays as it is.
    pub(super) fn parse(text: &str) -> Template {
        let (mut parts, mut plain, mut chars) = (Vec::new(), String::new(), text.chars());
        while let Some(c) = chars.next() {
            match c {
                '%' => match chars.next() {
                    Some(field) if "skhtpoTSKei".contains(field) => {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                        parts.push(Part::Field(field));
                    }
                    Some('%') => plain.push('%'),
                    Some(other) => plain.extend(['%', other]),
                    None => plain.push('%'),
                },
                '\\' => match chars.next() {
                    Some('n') => plain.push('\n'),
                    Some('t') => plain.push('\t'),
                    Some('r') => plain.push('\r'),
                    Some('\\') | None => plain.push('\\'),
                    Some(other) => plain.extend(['\\', other]),
                },
                other => plain.push(other),
            }
        }
        parts.push(Part::Text(plain));
        Template(parts)
    }

    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        message: &FullMessage,
        topics: &Topics,
    ) -> io::Result<()> {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.write_all(text.as_bytes())?,
                Part::Field('s') => write!(out, "{}", message.value())?,
                Part::Field('k') => out.write_all(message.key.as_deref().unwrap_or_default())?,
                Part::Field('h') => {
                    for (at, (name, value)) in message.headers.iter().enumerate() {
                        let value = String::from_utf8_lossy(value.as_deref().unwrap_or_default());
                        write!(out, "{}{name}={value}", if at == 0 { "" } else { "," })?;
                    }
                }
                Part::Field('t') => out.write_all(topics.name(message.position).as_bytes())?,
                Part::Field('p') => write!(out, "{}", message.position.partition)?,
                Part::Field('o') => write!(out, "{}", message.position.offset)?,
                Part::Field('T') => write!(out, "{}", message.timestamp.as_millis())?,
                Part::Field('S') => write!(out, "{}", message.payload.as_ref().map_or(0, Vec::len))?,
                Part::Field('K') => write!(out, "{}", message.key.as_ref().map_or(0, Vec::len))?,
                Part::Field('e') => {
                    let name = message.record().map_or("?", |(head, _)| head.event_type.name());
                    out.write_all(name.as_bytes())?;
                }
                Part::Field(_) => out.write_all(message.header("ce_id").unwrap_or("?").as_bytes())?,
            }
        }
        Ok(())
    }
}
