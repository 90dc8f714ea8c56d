//! One writer's schema, with which its bytes are read and written: straight between bytes and Rust, without
//! Avro's `Value` in between.

use apache_avro::error::Details;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::ResolvedSchema;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Error, Schema};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};

use crate::event::{Event, EventType, RecordReader};

pub(crate) struct WriterSchema {
    schema: Schema,
    /// Names that the schema refers to must be looked up. Ours refer to none, and collecting the names anew for
    /// every datum takes longer than the datum.
    has_references: bool,
}

impl WriterSchema {
    pub(crate) fn parse(json: &str) -> Result<Self, Error> {
        let schema = Schema::parse_str(json)?;
        let has_references = refers(&schema);
        Ok(Self { schema, has_references })
    }

    /// The record's full name, where the schema is a record.
    pub(crate) fn record_name(&self) -> Option<String> {
        self.schema.name().map(ToString::to_string)
    }

    pub(crate) fn write(&self, event: &Event, out: &mut Vec<u8>) -> Result<(), String> {
        let written = self.names().and_then(|names| {
            let writer =
                GenericDatumWriter::builder(&self.schema).resolved_schemata(names).human_readable(false);
            writer.build()?.write_ser(out, event)
        });
        written.map(|_| ()).map_err(|error| summary(&error))
    }

    /// Every byte of the datum must belong to it.
    pub(crate) fn read(&self, event_type: EventType, datum: &[u8]) -> Result<Event, String> {
        event_type.read(Datum { writer: self, bytes: datum })
    }

    fn names(&self) -> Result<ResolvedSchema<'_>, Error> {
        ResolvedSchema::new_with_schemata(if self.has_references { vec![&self.schema] } else { Vec::new() })
    }

    /// What is left after the record, beside it.
    fn read_one<'d, T: DeserializeOwned>(&self, mut bytes: &'d [u8]) -> Result<(T, &'d [u8]), Error> {
        let reader = GenericDatumReader::builder(&self.schema)
            .resolved_writer_schemata(self.names()?)
            .human_readable(false)
            .build()?;
        let record = reader.read_deser(&mut bytes)?;
        Ok((record, bytes))
    }
}

struct Datum<'a> {
    writer: &'a WriterSchema,
    bytes: &'a [u8],
}

impl RecordReader for Datum<'_> {
    fn read<T: DeserializeOwned>(self) -> Result<T, String> {
        match self.writer.read_one::<T>(self.bytes) {
            Ok((record, [])) => Ok(record),
            Ok((_, rest)) => Err(format!("{} bytes are left over after the record", rest.len())),
            Err(error) => {
                // Only now, and once more, with an eye on where it fails.
                let place = self.writer.read_one::<Located<T>>(self.bytes).err().map(|place| summary(&place));
                let place = place.filter(|place| !place.is_empty() && place != ".");
                Err(place.map(|place| format!("{place}: ")).unwrap_or_default() + &summary(&error))
            }
        }
    }
}

/// Fails with the path of the field that fails, instead of with its reason.
struct Located<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_path_to_error::deserialize::<D, T>(deserializer) {
            Ok(_) => Ok(Self(std::marker::PhantomData)),
            Err(error) => Err(D::Error::custom(error.path())),
        }
    }
}

/// Avro's own texts print whole schemas; the reader knows those by id.
fn summary(error: &Error) -> String {
    let text = match error.details() {
        Details::DeserializeValue(text) | Details::SerializeValue(text) => text.clone(),
        Details::DeserializeSchemaAware { value, .. } | Details::SerializeValueWithSchema { value, .. } => {
            value.clone()
        }
        _ => error.to_string(),
    };
    text.chars().take(300).collect()
}

fn refers(schema: &Schema) -> bool {
    match schema {
        Schema::Ref { .. } => true,
        Schema::Array(array) => refers(&array.items),
        Schema::Map(map) => refers(&map.types),
        Schema::Union(union) => union.variants().iter().any(refers),
        Schema::Record(record) => record.fields.iter().any(|field| refers(&field.schema)),
        _ => false,
    }
}
