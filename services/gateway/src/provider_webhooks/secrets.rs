//! The secrets that providers sign with, from files that are read again when they change.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use minuet_identity::Secret;
use minuet_telemetry::error_chain;
use parking_lot::RwLock;

use super::Provider;
use crate::Settings;

const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// A rotation needs two.
const MAX_SECRETS: usize = 16;
/// Shorter ones can be guessed.
const MIN_SECRET_CHARS: usize = 16;

/// Why a file of secrets cannot be used. The secrets are not shown.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error("{path} cannot be read")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{path} takes 1 to {MAX_SECRETS} secrets, one a line, each of at least {MIN_SECRET_CHARS} characters and without a space"
    )]
    NoSecrets { path: PathBuf },
}

/// Those of each provider whose webhooks are taken.
pub(crate) struct WebhookSecrets(Vec<Watched>);

struct Watched {
    provider: Provider,
    file: PathBuf,
    current: RwLock<Current>,
}

struct Current {
    /// The file's content, to notice a change.
    text: Secret,
    secrets: Arc<[Secret]>,
}

impl WebhookSecrets {
    pub(crate) fn open(settings: &Settings) -> Result<Self, SecretsError> {
        let files = [
            (Provider::Stripe, &settings.stripe_webhook_secrets_file),
            (Provider::Simulated, &settings.simulated_webhook_secrets_file),
        ];
        let configured = files.into_iter().filter_map(|(provider, file)| Some((provider, file.clone()?)));
        let watched = configured.map(|(provider, file)| {
            let current = RwLock::new(read(&file)?);
            Ok(Watched { provider, file, current })
        });
        watched.collect::<Result<_, _>>().map(WebhookSecrets)
    }

    pub(super) fn takes(&self, provider: Provider) -> bool {
        self.watched(provider).is_some()
    }

    /// Empty for a provider whose webhooks are not taken.
    pub(super) fn of(&self, provider: Provider) -> Arc<[Secret]> {
        self.watched(provider).map(|watched| Arc::clone(&watched.current.read().secrets)).unwrap_or_default()
    }

    fn watched(&self, provider: Provider) -> Option<&Watched> {
        self.0.iter().find(|watched| watched.provider == provider)
    }

    /// Reads a file again when it has changed, and never returns. A file that cannot be used leaves the secrets as they were; the first
    /// failure is logged.
    pub(crate) async fn follow(&self) -> Infallible {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let mut usable = true;
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let mut failed = None;
            for watched in &self.0 {
                failed = watched.reload().err().or(failed);
            }
            if let Some(error) = failed.as_ref().filter(|_| usable) {
                tracing::error!(
                    error = error_chain(error),
                    "webhook secrets could not be reloaded; the old ones stay in use"
                );
            }
            usable = failed.is_none();
        }
    }
}

impl Watched {
    fn reload(&self) -> Result<(), SecretsError> {
        let now = read(&self.file)?;
        if now.text.expose() != self.current.read().text.expose() {
            *self.current.write() = now;
            tracing::info!(provider = self.provider.as_str(), "webhook secrets were reloaded");
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Current, SecretsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SecretsError::Unreadable { path: path.to_owned(), source })?;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_secret =
        |line: &&str| line.len() >= MIN_SECRET_CHARS && line.bytes().all(|byte| byte.is_ascii_graphic());
    if !(1..=MAX_SECRETS).contains(&lines.len()) || !lines.iter().all(is_secret) {
        return Err(SecretsError::NoSecrets { path: path.to_owned() });
    }
    let secrets = lines.into_iter().map(Secret::new).collect();
    Ok(Current { text: Secret::new(text), secrets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_used_leaves_the_secrets_as_they_were() {
        let file = std::env::temp_dir().join(format!("minuet-secrets-{}", std::process::id()));
        std::fs::write(&file, "whsec_0123456789\n\nwhsec_9876543210\n").unwrap();
        let current = RwLock::new(read(&file).unwrap());
        let watched = Watched { provider: Provider::Stripe, file: file.clone(), current };
        let secrets = WebhookSecrets(vec![watched]);
        let now = || {
            secrets.of(Provider::Stripe).iter().map(|secret| secret.expose().to_owned()).collect::<Vec<_>>()
        };
        for unusable in [Some("short"), Some(""), None] {
            match unusable {
                Some(text) => std::fs::write(&file, text).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
            assert!(secrets.0[0].reload().is_err());
            assert_eq!(now(), ["whsec_0123456789", "whsec_9876543210"]);
        }
        std::fs::write(&file, "whsec_0000000000").unwrap();
        secrets.0[0].reload().unwrap();
        assert_eq!(now(), ["whsec_0000000000"]);
        std::fs::remove_file(&file).unwrap();
    }
}
