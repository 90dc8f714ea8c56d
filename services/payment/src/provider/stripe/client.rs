//! The calls that a payment needs.

use minuet_events::values::{Amount, Currency, OrderId, PaymentId, PaymentMethod, RefundId};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::amount::{code, to_units};
use super::api::{Api, StripeSetupError};
use super::error::StripeError;
use super::form::Form;
use super::intent::Intent;
use super::methods::method;
use super::refund::{Dispute, Page, Refund};
use super::settings::StripeSettings;

/// Stripe, by one secret key.
pub struct Stripe {
    api: Api,
    return_url: Option<String>,
}

/// What is to be charged.
#[derive(Clone, Debug)]
pub struct NewIntent<'a> {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    pub method: PaymentMethod,
    pub currency: Currency,
    pub amount: Amount,
    /// From the shop's front end: the id of a payment method (`pm_...`).
    pub token: Option<&'a str>,
}

/// What is to be given back.
#[derive(Clone, Copy, Debug)]
pub struct NewRefund<'a> {
    pub intent: &'a str,
    pub order_id: OrderId,
    pub refund_id: RefundId,
    pub currency: Currency,
    pub amount: Amount,
}

/// A charge that Stripe would refuse: it is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpayable {
    #[error("currency_not_taken")]
    CurrencyNotTaken,
    #[error("amount_not_payable")]
    AmountNotPayable,
    #[error("payment_token_missing")]
    TokenMissing,
}

/// The most that a page of a list holds.
const PAGE: u32 = 100;
/// So many keys one request may have.
const MAX_KEYS: u32 = 3;
/// So many pages are read of one list.
const MAX_PAGES: u32 = 100;

impl Stripe {
    /// # Errors
    /// A key or an address that cannot be used.
    pub fn open(settings: &StripeSettings) -> Result<Self, StripeSetupError> {
        Ok(Stripe { api: Api::open(settings)?, return_url: settings.return_url.clone() })
    }

    /// Creates the intent, unconfirmed: no money moves before [`Stripe::confirm`]. Asked again within the life of the key (24
    /// hours), Stripe answers with the same intent.
    ///
    /// # Errors
    /// Stripe's refusal, or no answer.
    pub async fn create(&self, new: &NewIntent<'_>) -> Result<Result<Intent, Unpayable>, StripeError> {
        let form = match creation(new) {
            Ok(form) => form,
            Err(unpayable) => return Ok(Err(unpayable)),
        };
        self.post_beyond_faults(&["payment_intents"], &form, &new.payment_id.to_string()).await.map(Ok)
    }

    /// A fault that Stripe keeps under a key is repeated for a day. The next key is always the same one, so that the request is
    /// found again when it is repeated. Only for requests of which a second one does no harm.
    async fn post_beyond_faults<T: DeserializeOwned>(
        &self,
        path: &[&str],
        form: &Form,
        key: &str,
    ) -> Result<T, StripeError> {
        let mut answer = self.api.post(path, form, key).await;
        for next in 2..=MAX_KEYS {
            let Err(StripeError::Unavailable { is_replayed: true, .. }) = answer else { break };
            answer = self.api.post(path, form, &format!("{key}:{next}")).await;
        }
        answer
    }

    /// Confirms the intent: from here on it may be captured.
    ///
    /// # Errors
    /// Stripe's refusal, or no answer. A card that is declined is a refusal ([`StripeError::Refused`]) that carries the intent.
    pub async fn confirm(&self, intent: &str, new: &NewIntent<'_>) -> Result<Intent, StripeError> {
        let method = method(new.method);
        let mut form = Form::default().with_some("return_url", self.return_url.as_deref());
        if !method.needs_token && new.token.is_none() {
            form = form.with("payment_method_data[type]", method.name);
        }
        if new.method == PaymentMethod::Wechat {
            form = form.with("payment_method_options[wechat_pay][client]", "web");
        }
        let confirmed = self.api.post(&["payment_intents", intent, "confirm"], &form, &fresh_key()).await;
        self.state_behind(intent, confirmed).await
    }

    /// # Errors
    /// Stripe's refusal, or no answer.
    pub async fn retrieve(&self, intent: &str) -> Result<Intent, StripeError> {
        self.api.get(&["payment_intents", intent], &Form::default()).await
    }

    /// Makes sure that nothing is captured any more, where that is still possible: the answer is the intent as it is now.
    ///
    /// # Errors
    /// Stripe's refusal, or no answer.
    pub async fn cancel(&self, intent: &str) -> Result<Intent, StripeError> {
        let path = ["payment_intents", intent, "cancel"];
        let cancelled = self.api.post(&path, &Form::default(), &fresh_key()).await;
        self.state_behind(intent, cancelled).await
    }

    /// A refusal of a call that the intent's state does not allow (any more) says less than the intent.
    async fn state_behind(
        &self,
        intent: &str,
        answer: Result<Intent, StripeError>,
    ) -> Result<Intent, StripeError> {
        let Err(StripeError::Refused(refusal)) = answer else { return answer };
        if refusal.is_about_the_payment()
            && (refusal.has_code("payment_intent_unexpected_state") || refusal.code.is_none())
        {
            let found = self.retrieve(intent).await?;
            if found.is_beyond_confirmation() {
                return Ok(found);
            }
        }
        Err(StripeError::Refused(refusal))
    }

    /// The intent of a payment that was created so long ago that its key may be forgotten. Stripe's search lags by a minute: soon
    /// after the creation, [`Stripe::create`] finds it.
    ///
    /// # Errors
    /// Stripe's refusal, or no answer.
    pub async fn find(&self, payment: PaymentId) -> Result<Option<Intent>, StripeError> {
        let query =
            Form::default().with("query", format!("metadata['payment_id']:'{payment}'")).with("limit", 1);
        let page: Page<Intent> = self.api.get(&["payment_intents", "search"], &query).await?;
        // The search matches words: it may find others.
        let payment = payment.to_string();
        Ok(page.data.into_iter().find(|intent| intent.metadata.get("payment_id") == Some(&payment)))
    }

    /// Gives money back, once: the refunds of the intent are looked through first, since Stripe forgets keys.
    ///
    /// # Errors
    /// Stripe's refusal (more than is left, say), or no answer.
    pub async fn refund(&self, new: &NewRefund<'_>) -> Result<Result<Refund, Unpayable>, StripeError> {
        if let Some(given) = self.given(new).await? {
            return Ok(Ok(given));
        }
        let Some(units) = to_units(new.amount, new.currency) else {
            return Ok(Err(Unpayable::AmountNotPayable));
        };
        let form = Form::default()
            .with("payment_intent", new.intent)
            .with("amount", units)
            .with("metadata[refund_id]", new.refund_id)
            .with("metadata[order_id]", new.order_id);
        let answer = self.api.post(&["refunds"], &form, &new.refund_id.to_string()).await;
        // A fault that Stripe keeps under the key may have come after the refund. It is never passed by with another key: that
        // could give the money back twice. After a day the key is forgotten, and the same call goes through.
        if let Err(StripeError::Unavailable { is_replayed: true, .. }) = answer
            && let Some(given) = self.given(new).await?
        {
            return Ok(Ok(given));
        }
        answer.map(Ok)
    }

    /// The refund, where Stripe has it.
    async fn given(&self, new: &NewRefund<'_>) -> Result<Option<Refund>, StripeError> {
        let key = new.refund_id.to_string();
        let all = self.refunds(new.intent).await?;
        Ok(all.into_iter().find(|refund| refund.metadata.get("refund_id") == Some(&key)))
    }

    /// All refunds of one intent.
    ///
    /// # Errors
    /// Stripe's refusal, or no answer.
    pub async fn refunds(&self, intent: &str) -> Result<Vec<Refund>, StripeError> {
        let query = Form::default().with("payment_intent", intent);
        self.all("refunds", query, |refund: &Refund| &refund.id).await
    }

    /// All refunds since this time, in seconds of Unix time, newest first.
    ///
    /// # Errors
    /// Stripe's refusal, or no answer.
    pub async fn refunds_since(&self, since: i64) -> Result<Vec<Refund>, StripeError> {
        let query = Form::default().with("created[gte]", since);
        self.all("refunds", query, |refund: &Refund| &refund.id).await
    }

    /// All disputes of one intent.
    ///
    /// # Errors
    /// Stripe's refusal, or no answer.
    pub async fn disputes(&self, intent: &str) -> Result<Vec<Dispute>, StripeError> {
        let query = Form::default().with("payment_intent", intent);
        self.all("disputes", query, |dispute: &Dispute| &dispute.id).await
    }

    /// All disputes since this time, in seconds of Unix time, newest first.
    ///
    /// # Errors
    /// Stripe's refusal, or no answer.
    pub async fn disputes_since(&self, since: i64) -> Result<Vec<Dispute>, StripeError> {
        let query = Form::default().with("created[gte]", since);
        self.all("disputes", query, |dispute: &Dispute| &dispute.id).await
    }

    async fn all<T: DeserializeOwned>(
        &self,
        list: &str,
        query: Form,
        id: impl Fn(&T) -> &String,
    ) -> Result<Vec<T>, StripeError> {
        let query = query.with("limit", PAGE);
        let mut all: Vec<T> = Vec::new();
        for _ in 0..MAX_PAGES {
            let page_query = query.clone().with_some("starting_after", all.last().map(&id));
            let page: Page<T> = self.api.get(&[list], &page_query).await?;
            let is_last = !page.has_more || page.data.is_empty();
            all.extend(page.data);
            if is_last {
                return Ok(all);
            }
        }
        // A list without an end: what is missing could be what is looked for.
        Err(StripeError::Unreadable { status: StatusCode::OK })
    }
}

/// For calls that the intent's own state makes happen once. A key of more than one call would be answered by what Stripe keeps of
/// the first: a refusal, or a fault, of a state that is long over.
fn fresh_key() -> String {
    Uuid::new_v4().to_string()
}

fn creation(new: &NewIntent<'_>) -> Result<Form, Unpayable> {
    let method = method(new.method);
    if !method.takes(new.currency) {
        return Err(Unpayable::CurrencyNotTaken);
    }
    if method.needs_token && new.token.is_none() {
        return Err(Unpayable::TokenMissing);
    }
    let units = to_units(new.amount, new.currency).ok_or(Unpayable::AmountNotPayable)?;
    Ok(Form::default()
        .with("amount", units)
        .with("currency", code(new.currency))
        .with("payment_method_types[]", method.name)
        .with_some("payment_method", new.token)
        .with("metadata[order_id]", new.order_id)
        .with("metadata[payment_id]", new.payment_id))
}
