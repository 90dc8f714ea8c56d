//! `minuet schemas register | check`

use minuet_events::{Codec, EventType, check_compatible};

use crate::cli::Schemas;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, command: Schemas) -> Result<(), CliError> {
    let url = settings.registry_url()?;
    match command {
        Schemas::Register => {
            let codec = Codec::register(url).await?;
            for &record in EventType::ALL {
                output::print(format!("{:>6} {}", codec.schema_id(record), record.record_name()));
            }
        }
        Schemas::Check => {
            let incompatible = check_compatible(url).await?;
            for difference in &incompatible {
                let (record, version) = (difference.event_type, difference.version);
                output::print(format!(
                    "{record} cannot read what version {version} wrote: {}",
                    difference.detail
                ));
            }
            match incompatible.len() {
                0 => output::note("every schema is compatible with the registered ones"),
                incompatible => return Err(CliError::SchemasDiffer { incompatible }),
            }
        }
    }
    Ok(())
}
