//! The schema registry (Confluent's API): registers, resolves, compares. It decodes nothing.

use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use minuet_envelope::ResolveError;
use minuet_text::secret::shown_url;
use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_all_versions, get_schema_by_id, get_schema_by_subject_and_version, post_schema,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, SchemaType, SuppliedSchema};
use serde_json::{Value, json};

use crate::datum::can_read;
use crate::event::EventType;

/// The time limit of one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Requests under way at once: a registry answers a start quickly, and is not flooded by it.
const CONCURRENCY: usize = 4;
const LEVEL: &str = "BACKWARD_TRANSITIVE";
const STRICTER: &str = "FULL_TRANSITIVE";
const NO_LEVEL: &str = "the compatibility level could not be set";
/// So often one schema's registration is tried.
const ATTEMPTS: u32 = 3;

/// The registry could not be brought to hold the contract. Its URL is shown without user, password and query.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The text is not repeated: it may be a password by mistake.
    #[error("the address of the schema registry takes an http or https URL")]
    Address {
        #[source]
        source: SRCError,
    },
    #[error("the schema registry at {url} gave no answer for {subject}; is it up?")]
    Unavailable {
        url: String,
        subject: &'static str,
        #[source]
        source: SRCError,
    },
    #[error(
        "the schema registry at {url} refused {subject}; a changed schema must be able to read every registered one"
    )]
    Refused {
        url: String,
        subject: &'static str,
        #[source]
        source: SRCError,
    },
}

/// A schema of this build that cannot read what a registered version wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incompatibility {
    pub event_type: EventType,
    pub version: u32,
    pub detail: String,
}

impl std::fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { event_type, version, detail } = self;
        write!(f, "{} cannot read its registered version {version}: {detail}", event_type.record_name())
    }
}

/// Holds each schema of this build against every registered version of its record. Registers nothing.
pub async fn check_compatible(url: &str) -> Result<Vec<Incompatibility>, RegistryError> {
    let registry = Registry::new(url)?;
    let found = stream::iter(EventType::ALL)
        .map(|event_type| registry.incompatibilities(*event_type))
        .buffered(CONCURRENCY)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

pub(crate) struct Registry {
    url: String,
    settings: SrSettings,
    /// For subject settings, which schema_registry_converter does not know.
    http: reqwest::Client,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("url", &shown_url(&self.url)).finish_non_exhaustive()
    }
}

impl Registry {
    pub(crate) fn new(url: &str) -> Result<Self, RegistryError> {
        let url = url.trim_end_matches('/').to_owned();
        let address = |source| RegistryError::Address { source };
        reqwest::Url::parse(&url)
            .map_err(|error| address(SRCError::non_retryable_with_cause(error, "not a URL")))?;
        let settings = SrSettings::new_builder(url.clone()).set_timeout(TIMEOUT).build().map_err(address)?;
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| address(SRCError::non_retryable_with_cause(error, "no HTTP client")))?;
        Ok(Self { url, settings, http })
    }

    /// The ids, in the order of [`EventType::ALL`].
    pub(crate) async fn register_all(&self) -> Result<Vec<u32>, RegistryError> {
        stream::iter(EventType::ALL)
            .map(|event_type| self.register(*event_type))
            .buffered(CONCURRENCY)
            .try_collect()
            .await
    }

    /// Again where it fails: several services register the same new schema at the same moment, and whoever comes
    /// second is refused for that. By then the first one's is there to be found.
    async fn register(&self, event_type: EventType) -> Result<u32, RegistryError> {
        let subject = event_type.record_name();
        let mut attempt = 1;
        loop {
            match self.register_and_protect(subject, event_type.schema_json()).await {
                Ok(id) => return Ok(id),
                Err(source) if attempt == ATTEMPTS => return Err(self.failed(subject, source)),
                Err(_) => attempt += 1,
            }
        }
    }

    async fn register_and_protect(&self, subject: &str, schema: &str) -> Result<u32, SRCError> {
        let schema = SuppliedSchema::new(Some(subject.to_owned()), SchemaType::Avro, schema.to_owned());
        let registered = post_schema(&self.settings, subject.to_owned(), schema).await?;
        self.protect(subject).await?;
        Ok(registered.id)
    }

    /// Asks the registry to refuse incompatible versions of this subject, whoever registers them. After the
    /// first version is there: Apicurio knows no settings of a subject without one.
    async fn protect(&self, subject: &str) -> Result<(), SRCError> {
        let no_answer = |error| SRCError::retryable_with_cause(error, NO_LEVEL);
        let config = format!("{}/config/{subject}", self.url);
        let response = self.http.get(&config).send().await.map_err(no_answer)?;
        if response.status().is_success() {
            let level: Value = response.json().await.map_err(no_answer)?;
            if matches!(level["compatibilityLevel"].as_str(), Some(LEVEL | STRICTER)) {
                return Ok(());
            }
        }
        let wanted = json!({ "compatibility": LEVEL });
        let response = self.http.put(&config).json(&wanted).send().await.map_err(no_answer)?;
        if response.status().is_success() {
            return Ok(());
        }
        let refusal: RawError = response.json().await.map_err(no_answer)?;
        Err(SRCError::non_retryable_with_cause(refusal, NO_LEVEL))
    }

    /// The text of a schema.
    pub(crate) async fn schema(&self, id: u32) -> Result<String, ResolveError> {
        match get_schema_by_id(id, &self.settings).await {
            Ok(registered) if registered.schema_type == SchemaType::Avro => Ok(registered.schema),
            Ok(_) => Ok(String::new()),
            Err(error) if is_not_found(&error) => Err(ResolveError::NotFound { id }),
            Err(source) => Err(ResolveError::Unavailable { id, source: Box::new(source) }),
        }
    }

    async fn incompatibilities(&self, event_type: EventType) -> Result<Vec<Incompatibility>, RegistryError> {
        let subject = event_type.record_name();
        let failed = |error| self.failed(subject, error);
        let versions = match get_all_versions(&self.settings, subject.to_owned()).await {
            Ok(versions) => versions,
            Err(error) if is_not_found(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = Vec::new();
        for version in versions {
            let registered = get_schema_by_subject_and_version(&self.settings, subject, Some(version))
                .await
                .map_err(failed)?;
            if let Err(detail) = can_read(event_type.schema_json(), &registered.schema) {
                found.push(Incompatibility { event_type, version, detail });
            }
        }
        Ok(found)
    }

    fn failed(&self, subject: &'static str, source: SRCError) -> RegistryError {
        let url = shown_url(&self.url);
        if answer(&source).is_some_and(|raw| leading_digits(raw.error_code) / 100 == 4) {
            RegistryError::Refused { url, subject, source }
        } else {
            RegistryError::Unavailable { url, subject, source }
        }
    }
}

/// What the registry itself said, where it is the registry that answered: a proxy's 404 is no answer.
fn answer(error: &SRCError) -> Option<&RawError> {
    let raw = std::error::Error::source(error)?.downcast_ref::<RawError>()?;
    (raw.error_code != 0).then_some(raw)
}

fn is_not_found(error: &SRCError) -> bool {
    answer(error).is_some_and(|raw| leading_digits(raw.error_code) == 404)
}

/// An error code is HTTP's status, or Confluent's five digits that begin with it.
fn leading_digits(error_code: u32) -> u32 {
    if error_code > 999 { error_code / 100 } else { error_code }
}
