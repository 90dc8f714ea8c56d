//! An Avro datum and the schema it was written with.
//!
//! A datum of this build's own schema goes straight between bytes and Rust: out of the bytes by their order alone, and
//! where that fails, once more along the schema, which knows what is wrong. One of another version goes through
//! Avro's `Value` and [`resolution`]: half as fast, but there a field that this build does not know is passed over whatever
//! its type, and a type that means something else is refused. The direct way can do neither (apache-avro 0.22).

mod plain;
mod resolution;

use apache_avro::error::Details;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::ResolvedSchema;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Error, Schema, from_value};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};

use crate::event::{Event, EventType, RecordReader};
use resolution::{Mismatch, Resolution};

/// The schema of a record of this build. It refers to no name (a test holds it to that), so that none has to
/// be looked up: collecting the names of a schema anew takes longer than a datum.
pub(crate) struct OwnSchema(Schema);

impl OwnSchema {
    pub(crate) fn parse(json: &str) -> Result<Self, Error> {
        Schema::parse_str(json).map(Self)
    }

    pub(crate) fn write(&self, event: &Event, out: &mut Vec<u8>) -> Result<(), String> {
        let written = no_names().and_then(|names| {
            let writer = GenericDatumWriter::builder(&self.0).resolved_schemata(names);
            writer.human_readable(false).build()?.write_ser(out, event)
        });
        written.map(drop).map_err(|error| summary(&error))
    }

    /// Every byte of the datum must belong to it.
    pub(crate) fn read(&self, event_type: EventType, datum: &[u8]) -> Result<Event, String> {
        event_type.read(Direct { schema: &self.0, datum })
    }
}

struct Direct<'a> {
    schema: &'a Schema,
    datum: &'a [u8],
}

impl<'a> Direct<'a> {
    /// The record, and what is left after it.
    fn read_one<T: DeserializeOwned>(&self) -> Result<(T, &'a [u8]), Error> {
        let reader = GenericDatumReader::builder(self.schema).resolved_writer_schemata(no_names()?);
        let mut rest = self.datum;
        let record = reader.human_readable(false).build()?.read_deser(&mut rest)?;
        Ok((record, rest))
    }
}

impl Direct<'_> {
    fn along_the_schema<T: DeserializeOwned>(&self) -> Result<T, String> {
        match self.read_one::<T>() {
            Ok((record, rest)) => nothing_left(rest).map(|()| record),
            Err(error) => Err(place(self.read_one::<Located<T>>().map(drop)) + &summary(&error)),
        }
    }
}

impl RecordReader for Direct<'_> {
    fn read<T: DeserializeOwned>(self) -> Result<T, String> {
        plain::read(self.datum).or_else(|_| self.along_the_schema())
    }
}

/// The schema of another version of a record.
pub(crate) struct OtherSchema {
    schema: Schema,
}

/// How a datum of another schema is read, or why none can be.
pub(crate) struct OtherVersion {
    schema: Schema,
    resolution: Result<Resolution, Mismatch>,
}

impl OtherSchema {
    pub(crate) fn parse(json: &str) -> Result<Self, Error> {
        Schema::parse_str(json).map(|schema| Self { schema })
    }

    /// Its full name, where it names something.
    pub(crate) fn name(&self) -> Option<String> {
        self.schema.name().map(ToString::to_string)
    }

    pub(crate) fn resolved(self, ours: &OwnSchema) -> OtherVersion {
        let resolution = Resolution::of(&self.schema, &ours.0);
        OtherVersion { schema: self.schema, resolution }
    }
}

impl OtherVersion {
    /// Every byte of the datum must belong to it.
    pub(crate) fn read(&self, event_type: EventType, mut datum: &[u8]) -> Result<Event, String> {
        let resolution = self.resolution.as_ref().map_err(ToString::to_string)?;
        let reader = GenericDatumReader::builder(&self.schema).human_readable(false).build();
        let value =
            reader.and_then(|reader| reader.read_value(&mut datum)).map_err(|error| summary(&error))?;
        nothing_left(datum)?;
        let value = resolution.apply(value).map_err(|mismatch| mismatch.to_string())?;
        event_type.read(ThroughValue(&value))
    }
}

/// Whether what was written with one schema can be read as the other: an error names the place.
pub(crate) fn can_read(ours: &str, writers: &str) -> Result<(), String> {
    let parse = |text| Schema::parse_str(text).map_err(|error| error.to_string());
    Resolution::of(&parse(writers)?, &parse(ours)?).map(drop).map_err(|mismatch| mismatch.to_string())
}

struct ThroughValue<'a>(&'a apache_avro::types::Value);

impl RecordReader for ThroughValue<'_> {
    fn read<T: DeserializeOwned>(self) -> Result<T, String> {
        from_value::<T>(self.0)
            .map_err(|error| place(from_value::<Located<T>>(self.0).map(drop)) + &summary(&error))
    }
}

/// Empty, and costs nothing.
fn no_names() -> Result<ResolvedSchema<'static>, Error> {
    ResolvedSchema::new_with_schemata(Vec::new())
}

fn nothing_left(rest: &[u8]) -> Result<(), String> {
    if rest.is_empty() { Ok(()) } else { Err(format!("{} bytes are left over after the record", rest.len())) }
}

/// Reads as `T` does, and fails with the path of the field that fails instead of the reason. Only used once
/// something failed: an event that is right pays nothing for it.
struct Located<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_path_to_error::deserialize::<D, T>(deserializer) {
            Ok(_) => Ok(Self(std::marker::PhantomData)),
            Err(error) => Err(D::Error::custom(error.path())),
        }
    }
}

fn place(located: Result<(), Error>) -> String {
    let path = located.err().map(|path| summary(&path)).filter(|path| path != ".");
    path.map(|path| format!("{path}: ")).unwrap_or_default()
}

/// Avro's own texts print whole schemas; whoever reads ours knows those by id.
fn summary(error: &Error) -> String {
    let text = match error.details() {
        Details::DeserializeValue(text) | Details::SerializeValue(text) => text.clone(),
        Details::DeserializeSchemaAware { value, .. } | Details::SerializeValueWithSchema { value, .. } => {
            value.clone()
        }
        Details::SerializeRecordFieldWithSchema { field_name, error, .. } => format!("{field_name}: {error}"),
        _ => error.to_string(),
    };
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn our_schemas_parse_and_refer_to_no_name() {
        for event_type in EventType::ALL {
            let schema = OwnSchema::parse(event_type.schema_json()).unwrap();
            assert!(!refers(&schema.0), "{event_type} names a type twice");
        }
    }

    struct Plainly<'a>(&'a [u8]);

    impl RecordReader for Plainly<'_> {
        fn read<T: DeserializeOwned>(self) -> Result<T, String> {
            plain::read(self.0).map_err(|refused| refused.to_string())
        }
    }

    struct AlongTheSchema<'a>(Direct<'a>);

    impl RecordReader for AlongTheSchema<'_> {
        fn read<T: DeserializeOwned>(self) -> Result<T, String> {
            self.0.along_the_schema()
        }
    }

    /// The recorded bytes of every record, and what damage makes of them.
    #[test]
    fn what_is_read_plainly_is_what_the_schema_says() {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        for event_type in EventType::ALL {
            let schema = OwnSchema::parse(event_type.schema_json()).unwrap();
            let along = |datum: &[u8]| event_type.read(AlongTheSchema(Direct { schema: &schema.0, datum }));
            let lines = std::fs::read_to_string(golden.join(format!("{event_type}.hex"))).unwrap();
            for line in lines.lines() {
                // Behind the zero byte and the schema's id.
                let datum = hex::decode(line).unwrap().split_off(5);
                assert_eq!(event_type.read(Plainly(&datum)), along(&datum), "{event_type}");
                assert!(along(&datum).is_ok(), "{event_type}");
                for at in 0..datum.len() {
                    for with in [0x00, 0x01, 0x02, 0x03, 0x04, 0x20, 0x7f, 0x80, 0x81, 0xfe, 0xff] {
                        let mut damaged = datum.clone();
                        damaged[at] = with;
                        if let Ok(read) = event_type.read(Plainly(&damaged)) {
                            assert_eq!(along(&damaged).as_ref(), Ok(&read), "{event_type}, {with} at {at}");
                        }
                        damaged.insert(at, 0x80);
                        if let Ok(read) = event_type.read(Plainly(&damaged)) {
                            assert_eq!(along(&damaged).as_ref(), Ok(&read), "{event_type}, 128 before {at}");
                        }
                    }
                }
            }
        }
    }
}
