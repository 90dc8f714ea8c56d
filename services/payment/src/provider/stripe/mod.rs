//! A client of [Stripe's API](https://docs.stripe.com/api), of the calls that payments need.
//!
//! **What it promises.** Each POST carries an idempotency key, so that an attempt that is repeated is carried out once for as
//! long as Stripe remembers the key (24 hours). Faults are retried here three times (`retry`); a decline never is. All calls of
//! one process together keep to a rate, and wait as long as Stripe asks. An intent is created unconfirmed: until it is confirmed
//! no money can move. A refund is looked for among the refunds of its payment before it is made.
//!
//! **Secrets.** The secret key is in a header that is marked as sensitive; it is in no error, log, span or `Debug` form. Card data
//! never comes here: the shop's front end sends them to Stripe, and its token to us.
//!
//! **When things fail.** [`StripeError`] says whether Stripe has answered: [`StripeError::Refused`] is an answer, everything else
//! leaves open whether the request was carried out. A key that is refused is read again from its file, once.

mod amount;
mod api;
mod charge;
mod client;
mod error;
mod form;
mod gateway;
mod intent;
mod methods;
mod pace;
mod refund;
mod retry;
mod secret_key;
mod settings;
#[cfg(test)]
mod tests;

pub use api::{API_VERSION, StripeSetupError};
pub use charge::Settled;
pub use client::{NewIntent, NewRefund, Stripe, Unpayable};
pub use error::{Refusal, StripeError};
pub use intent::{Action, Intent, IntentStatus, Standing};
pub use refund::{Dispute, DisputeStanding, Refund, RefundStatus};
pub use secret_key::KeyError;
pub use settings::StripeSettings;
