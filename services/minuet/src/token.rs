//! `minuet token`: what a developer pastes into `Authorization: Bearer ...`.

use crate::cli::{Scope, Token};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) fn print(settings: &Settings, token: &Token) -> Result<(), CliError> {
    let secret = settings.text("gateway.jwt_secret")?;
    let admin = token.scope == Some(Scope::Admin);
    output::print(minuet_identity::development_token(secret, token.user.as_str(), admin, token.ttl)?);
    Ok(())
}
