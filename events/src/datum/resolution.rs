//! How a datum of another writer's schema becomes one of ours: by Avro's rules for schema resolution, types by name, fields by
//! name, numbers and texts promoted. A logical type is part of its type here: a decimal of another scale, or a time in another
//! unit, has the same bytes and means another value, so the datum is refused.
//!
//! <https://avro.apache.org/docs/1.12.0/specification/#schema-resolution>

use apache_avro::Schema;
use apache_avro::schema::{
    DecimalSchema, InnerDecimalSchema, Name, NamesRef, RecordSchema, ResolvedSchema, UuidSchema,
};
use apache_avro::types::Value;

/// From a value of the writer's type to one of ours, made once for a schema.
#[derive(Debug)]
pub(super) enum Resolution {
    Same,
    IntToLong,
    BytesToString,
    StringToBytes,
    UuidToString,
    Array(Box<Resolution>),
    /// By position in the writer's record: our field of that name. `None`: a field that we do not know.
    Record(Vec<Option<(String, Resolution)>>),
    /// By the branch of the writer's union.
    FromUnion(Vec<Result<Resolution, Mismatch>>),
    /// Into this branch of ours.
    ToUnion(u32, Box<Resolution>),
}

/// What cannot be read, and where: a path of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    path: String,
    detail: String,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.path {
            "" => f.write_str(&self.detail),
            path => write!(f, "{path}: {}", self.detail),
        }
    }
}

impl Mismatch {
    fn new(detail: impl Into<String>) -> Self {
        Self { path: String::new(), detail: detail.into() }
    }

    fn of_types(writer: &Schema, ours: &Schema) -> Self {
        Self::new(format!("{} cannot be read as {}", shown(writer), shown(ours)))
    }

    fn inside(mut self, step: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

impl Resolution {
    /// `ours` refers to no name.
    pub(super) fn of(writer: &Schema, ours: &Schema) -> Result<Self, Mismatch> {
        let resolved = ResolvedSchema::try_from(writer).map_err(|error| Mismatch::new(error.to_string()))?;
        let names = resolved.get_names();
        finite(writer, names, &mut Vec::new())?;
        resolve(writer, ours, names)
    }

    pub(super) fn apply(&self, value: Value) -> Result<Value, Mismatch> {
        match (self, value) {
            (Self::Same, value) => Ok(value),
            (Self::IntToLong, Value::Int(value)) => Ok(Value::Long(value.into())),
            (Self::StringToBytes, Value::String(text)) => Ok(Value::Bytes(text.into_bytes())),
            (Self::BytesToString, Value::Bytes(bytes)) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Value::String(text)),
                Err(_) => Err(Mismatch::new("bytes that are not UTF-8 cannot be read as string")),
            },
            (Self::UuidToString, Value::Uuid(id)) => Ok(Value::String(id.to_string())),
            (Self::Array(item), Value::Array(items)) => {
                let items = items.into_iter().enumerate();
                let ours = items.map(|(index, value)| {
                    item.apply(value).map_err(|mismatch| mismatch.inside(&format!("[{index}]")))
                });
                ours.collect::<Result<_, _>>().map(Value::Array)
            }
            (Self::Record(fields), Value::Record(values)) => {
                let mut ours = Vec::with_capacity(fields.len());
                for (field, (_, value)) in fields.iter().zip(values) {
                    let Some((name, resolution)) = field else { continue };
                    let value = resolution.apply(value).map_err(|mismatch| mismatch.inside(name))?;
                    ours.push((name.clone(), value));
                }
                Ok(Value::Record(ours))
            }
            (Self::FromUnion(branches), Value::Union(taken, value)) => {
                match usize::try_from(taken).ok().and_then(|taken| branches.get(taken)) {
                    Some(Ok(resolution)) => resolution.apply(*value),
                    Some(Err(mismatch)) => Err(mismatch.clone()),
                    None => Err(Mismatch::new("a union has no such branch")),
                }
            }
            (Self::ToUnion(branch, inner), value) => {
                inner.apply(value).map(|value| Value::Union(*branch, Box::new(value)))
            }
            // The reader of the datum gives values of the writer's types.
            (_, _) => Err(Mismatch::new("the value is not of its schema's type")),
        }
    }
}

fn resolve(writer: &Schema, ours: &Schema, names: &NamesRef<'_>) -> Result<Resolution, Mismatch> {
    match (writer, ours) {
        (Schema::Ref { name }, _) => resolve(named(name, names)?, ours, names),
        (Schema::Union(union), _) => {
            let branches: Vec<_> =
                union.variants().iter().map(|branch| resolve(branch, ours, names)).collect();
            // Some branch has to be readable; which one is taken, each datum says.
            match branches.iter().any(Result::is_ok) {
                true => Ok(Resolution::FromUnion(branches)),
                false => Err(branches
                    .into_iter()
                    .find_map(Result::err)
                    .unwrap_or_else(|| Mismatch::new("an empty union has no value"))),
            }
        }
        (_, Schema::Union(union)) => {
            let mut refused = None;
            for (branch, ours) in (0..).zip(union.variants()) {
                match resolve(writer, ours, names) {
                    Ok(inner) => return Ok(Resolution::ToUnion(branch, Box::new(inner))),
                    Err(mismatch) => refused = Some(mismatch),
                }
            }
            // Of an optional type the last branch says more than null does.
            Err(refused.unwrap_or_else(|| Mismatch::of_types(writer, ours)))
        }
        (Schema::Null, Schema::Null)
        | (Schema::Boolean, Schema::Boolean)
        | (Schema::Int, Schema::Int)
        | (Schema::Long, Schema::Long)
        | (Schema::String, Schema::String)
        | (Schema::Bytes, Schema::Bytes)
        | (Schema::TimestampMicros, Schema::TimestampMicros) => Ok(Resolution::Same),
        (Schema::Int, Schema::Long) => Ok(Resolution::IntToLong),
        (Schema::Bytes, Schema::String) => Ok(Resolution::BytesToString),
        (Schema::String, Schema::Bytes) => Ok(Resolution::StringToBytes),
        (Schema::Uuid(UuidSchema::String), Schema::String) => Ok(Resolution::UuidToString),
        (Schema::Decimal(writer), Schema::Decimal(ours)) if is_same(writer, ours) => Ok(Resolution::Same),
        (Schema::Array(writer), Schema::Array(ours)) => resolve(&writer.items, &ours.items, names)
            .map(|items| Resolution::Array(Box::new(items)))
            .map_err(|mismatch| mismatch.inside("[]")),
        (Schema::Record(writer), Schema::Record(ours)) => record(writer, ours, names),
        (_, _) => Err(Mismatch::of_types(writer, ours)),
    }
}

fn is_same(writer: &DecimalSchema, ours: &DecimalSchema) -> bool {
    let in_bytes = |decimal: &DecimalSchema| matches!(decimal.inner, InnerDecimalSchema::Bytes);
    (writer.precision, writer.scale) == (ours.precision, ours.scale) && in_bytes(writer) && in_bytes(ours)
}

fn record(writer: &RecordSchema, ours: &RecordSchema, names: &NamesRef<'_>) -> Result<Resolution, Mismatch> {
    if writer.name.name() != ours.name.name() {
        let (writer, ours) = (writer.name.name(), ours.name.name());
        return Err(Mismatch::new(format!("the record {writer} cannot be read as {ours}")));
    }
    let has = |name: &str| writer.fields.iter().any(|field| field.name == name);
    if let Some(missing) = ours.fields.iter().find(|field| field.default.is_none() && !has(&field.name)) {
        return Err(Mismatch::new("the field is missing, and has no default").inside(&missing.name));
    }
    let field = |field: &apache_avro::schema::RecordField| {
        let Some(our) = ours.fields.iter().find(|our| our.name == field.name) else { return Ok(None) };
        match resolve(&field.schema, &our.schema, names) {
            Ok(resolution) => Ok(Some((our.name.clone(), resolution))),
            Err(mismatch) => Err(mismatch.inside(&our.name)),
        }
    };
    writer.fields.iter().map(field).collect::<Result<_, _>>().map(Resolution::Record)
}

fn named<'a>(name: &Name, names: &NamesRef<'a>) -> Result<&'a Schema, Mismatch> {
    names.get(name).copied().ok_or_else(|| Mismatch::new(format!("no type is named {name}")))
}

/// A type that contains itself is refused: its datum is read by recursion, as deep as the writer likes.
fn finite<'a>(schema: &'a Schema, names: &NamesRef<'a>, within: &mut Vec<&'a Name>) -> Result<(), Mismatch> {
    match schema {
        Schema::Ref { name } if within.contains(&name) => {
            Err(Mismatch::new(format!("the type {name} contains itself, which no event does")))
        }
        Schema::Ref { name } => finite(named(name, names)?, names, within),
        Schema::Record(record) => {
            within.push(&record.name);
            for field in &record.fields {
                finite(&field.schema, names, within).map_err(|mismatch| mismatch.inside(&field.name))?;
            }
            within.pop();
            Ok(())
        }
        Schema::Array(array) => finite(&array.items, names, within),
        Schema::Map(map) => finite(&map.types, names, within),
        Schema::Union(union) => union.variants().iter().try_for_each(|branch| finite(branch, names, within)),
        _ => Ok(()),
    }
}

/// A type as an error names it.
fn shown(schema: &Schema) -> String {
    let simple = match schema {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Int => "int",
        Schema::Long => "long",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Bytes => "bytes",
        Schema::String => "string",
        Schema::Array(_) => "array",
        Schema::Map(_) => "map",
        Schema::Union(_) => "union",
        Schema::BigDecimal => "big-decimal",
        Schema::Uuid(_) => "uuid",
        Schema::Date => "date",
        Schema::TimeMillis => "time-millis",
        Schema::TimeMicros => "time-micros",
        Schema::TimestampMillis => "timestamp-millis",
        Schema::TimestampMicros => "timestamp-micros",
        Schema::TimestampNanos => "timestamp-nanos",
        Schema::LocalTimestampMillis => "local-timestamp-millis",
        Schema::LocalTimestampMicros => "local-timestamp-micros",
        Schema::LocalTimestampNanos => "local-timestamp-nanos",
        Schema::Duration(_) => "duration",
        Schema::Decimal(DecimalSchema { precision, scale, inner }) => {
            let of = if matches!(inner, InnerDecimalSchema::Bytes) { "" } else { " of fixed" };
            return format!("decimal({precision},{scale}){of}");
        }
        Schema::Record(record) => return format!("record {}", record.name.name()),
        Schema::Enum(of) => return format!("enum {}", of.name.name()),
        Schema::Fixed(fixed) => return format!("fixed {}", fixed.name.name()),
        Schema::Ref { name } => return name.to_string(),
    };
    simple.to_owned()
}
