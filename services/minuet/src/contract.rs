//! `minuet contract`: the events as a program of another team meets them. Text for people, and AsyncAPI for tools, both derived
//! from `topics.yaml`, the schemas, the examples beside the schemas, and the reaction tables. The OpenAPI document is the gateway's.

mod applications;
mod asyncapi;
mod avro;
mod error;
mod page;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use minuet_events::EventType;
use minuet_messaging::topics::{Catalogue, Topic, TopicsError};
use minuet_saga::Saga;

use crate::error::CliError;
use crate::{output, saga};
pub(crate) use error::ContractError;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Contract {
    /// Print an event's topic, key, fields and headers, and what its readers do; without EVENT, those of every event
    Show {
        /// The record's name, such as OrderSubmitted
        #[arg(value_name = "EVENT")]
        event: Option<EventType>,
    },
    /// Print the AsyncAPI 3.1 document of the shop as strangers see it, or of one application
    Asyncapi {
        /// Such as order, or gateway [default: the whole shop]
        #[arg(value_name = "APPLICATION")]
        application: Option<String>,
    },
    /// Print the OpenAPI 3.1 document of the gateway, which it serves at /openapi.json too
    Openapi,
    /// Write the files of docs/api, as `make generate` does
    #[command(hide = true)]
    Write {
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
}

/// All that is known of the contract.
struct Shop {
    saga: Saga<EventType>,
    catalogue: Catalogue<EventType>,
}

impl Shop {
    /// # Errors
    /// `topics.yaml` in the repository is wrong, which a test rules out.
    fn embedded() -> Result<Shop, TopicsError> {
        Ok(Shop { saga: saga::embedded()?, catalogue: Catalogue::parse(minuet_events::TOPICS)? })
    }

    /// The topics that carry the event: one, but for the announcement of dead letters, which each service makes on a topic of its own.
    fn topics(&self, event: EventType) -> impl Iterator<Item = &Topic<EventType>> {
        self.catalogue.topics().iter().filter(move |topic| topic.records.contains(&event))
    }
}

pub(crate) fn run(command: &Contract) -> Result<(), CliError> {
    let shop = Shop::embedded()?;
    match command {
        Contract::Show { event: Some(event) } => output::print(page::alone(&shop, *event)?.trim_end()),
        Contract::Show { event: None } => output::print(page::all(&shop)?.trim_end()),
        Contract::Asyncapi { application } => {
            output::print(asyncapi::document(&shop, application.as_deref())?.trim_end());
        }
        Contract::Openapi => output::print(openapi()?.trim_end()),
        Contract::Write { folder } => write(&shop, folder)?,
    }
    Ok(())
}

/// Every file is made before the first one is written.
fn write(shop: &Shop, folder: &Path) -> Result<(), ContractError> {
    for (name, text) in files(shop)? {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|source| ContractError::Write { path, source })?;
    }
    Ok(())
}

/// The files of `docs/api`, by name.
fn files(shop: &Shop) -> Result<Vec<(String, String)>, ContractError> {
    let mut files = vec![
        ("events.md".to_owned(), page::all(shop)?),
        ("asyncapi.yaml".to_owned(), asyncapi::document(shop, None)?),
        ("openapi.json".to_owned(), openapi()?),
    ];
    for application in applications::names(shop) {
        let text = asyncapi::document(shop, Some(&application))?;
        files.push((format!("asyncapi-{application}.yaml"), text));
    }
    Ok(files)
}

fn openapi() -> Result<String, ContractError> {
    serde_json::to_string_pretty(&minuet_gateway::openapi())
        .map(|text| text + "\n")
        .map_err(ContractError::OpenApi)
}

#[cfg(test)]
mod tests;
