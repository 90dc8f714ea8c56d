//! `minuet health`: for containers, whose image has no other HTTP client.

use minuet_text::secret::shown_url;

use crate::cli::Health;
use crate::error::CliError;
use crate::output;

pub(crate) async fn check(health: &Health) -> Result<(), CliError> {
    let url = &health.url;
    let no_answer =
        |source: reqwest::Error| CliError::NoAnswer { url: shown_url(url), source: source.without_url() };
    let client = reqwest::Client::builder().timeout(health.timeout).no_proxy().build().map_err(no_answer)?;
    let response = client.get(url).send().await.map_err(no_answer)?;
    let status = response.status();
    // Which dependency is missing stands in the body.
    let body = response.text().await.map_err(no_answer)?;
    output::print(body.trim_end());
    if status.is_success() {
        Ok(())
    } else {
        Err(CliError::Unhealthy { url: shown_url(url), status: status.as_u16() })
    }
}
