//! The hosted page of the simulated provider, on which a customer pays or declines: a person in a browser, or a test by HTTP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use minuet_events::values::{PaymentActionKind, PaymentId, PaymentMethod};
use parking_lot::Mutex;
use serde::Deserialize;

use super::Simulated;
use crate::domain::{Action, Answer, Charge, Standing};

/// The payments that wait for their customers. They lie in memory: after a restart a payment that waited was never begun, and is
/// begun again.
#[derive(Default)]
pub(super) struct HostedPages {
    address: OnceLock<SocketAddr>,
    waiting: Mutex<HashMap<PaymentId, Charge>>,
}

impl HostedPages {
    /// Where the pages are served. Set twice, the first address stays.
    pub(super) fn set_address(&self, address: SocketAddr) {
        self.address.get_or_init(|| address);
    }

    /// From now on the payment waits. None: there are no pages.
    pub(super) fn wait(&self, charge: &Charge) -> Option<Action> {
        let address = self.address.get()?;
        self.waiting.lock().insert(charge.payment_id, charge.clone());
        Some(action(*address, charge))
    }

    pub(super) fn action(&self, charge: &Charge) -> Option<Action> {
        let waits = self.waiting.lock().contains_key(&charge.payment_id);
        self.address.get().filter(|_| waits).map(|address| action(*address, charge))
    }

    pub(super) fn end(&self, payment: PaymentId) {
        self.waiting.lock().remove(&payment);
    }

    pub(super) fn charge(&self, payment: PaymentId) -> Option<Charge> {
        self.waiting.lock().get(&payment).cloned()
    }
}

fn action(address: SocketAddr, charge: &Charge) -> Action {
    let url = format!("http://{address}/pay/{}", charge.payment_id);
    let (kind, data) = match charge.payment_method {
        PaymentMethod::CreditCard | PaymentMethod::DebitCard => (PaymentActionKind::ThreeDSecure, None),
        PaymentMethod::Paypal | PaymentMethod::Alipay => (PaymentActionKind::Redirect, None),
        PaymentMethod::Wechat => (PaymentActionKind::QrCode, Some(url.clone())),
    };
    Action { kind, url: Some(url), data, expires_at: None }
}

/// What a customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CustomerChoice {
    Pay,
    Decline,
}

/// `GET /pay/{payment_id}` shows, `POST /pay/{payment_id}/{pay | decline}` acts.
pub(super) fn routes(simulated: Arc<Simulated>) -> Router {
    let routes = Router::new().route("/pay/{payment_id}", get(show));
    routes.route("/pay/{payment_id}/{choice}", post(choose)).with_state(simulated)
}

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

async fn show(State(simulated): State<Arc<Simulated>>, Path(id): Path<String>) -> Response {
    let Ok(payment) = PaymentId::parse(&id) else { return unknown() };
    let waiting = simulated.pages.charge(payment);
    let shown = match (waiting, simulated.standing(payment)) {
        (_, Ok(Standing::Answered(Answer::Captured { .. }))) => page(payment, "The order is paid.", false),
        (_, Ok(Standing::Answered(Answer::Declined { .. }))) => {
            page(payment, "The payment was declined or cancelled. Nothing was taken.", false)
        }
        (Some(Charge { order_id, amount, currency, .. }), Ok(_)) => {
            let due = format!("Order {order_id}: {} {currency} to pay.", amount.shown_in(currency));
            page(payment, &due, true)
        }
        (None, Ok(_)) => return unknown(),
        (_, Err(error)) => return failed(&error),
    };
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, Html(shown)).into_response()
}

async fn choose(
    State(simulated): State<Arc<Simulated>>,
    Path((id, choice)): Path<(String, CustomerChoice)>,
) -> Response {
    let Ok(payment) = PaymentId::parse(&id) else { return unknown() };
    match simulated.choose(payment, choice) {
        Ok(true) => Redirect::to(&format!("/pay/{payment}")).into_response(),
        Ok(false) => (StatusCode::CONFLICT, "the payment does not wait for its customer\n").into_response(),
        Err(error) => failed(&error),
    }
}

fn unknown() -> Response {
    (StatusCode::NOT_FOUND, "no payment waits here under this id\n").into_response()
}

fn failed(error: &super::LedgerError) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
}

/// Every value on it is one of ours, an id, an amount, a currency: there is no stranger's text.
fn page(payment: PaymentId, status: &str, asks: bool) -> String {
    let button = |choice: &str, label: &str| {
        format!("<form method=\"post\" action=\"/pay/{payment}/{choice}\"><button>{label}</button></form>")
    };
    let buttons = if asks { button("pay", "Pay") + &button("decline", "Decline") } else { String::new() };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Simulated payment</title>\
         <style>body{{font:1.1rem/1.5 sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}}\
         form{{display:inline}}button{{font:inherit;padding:.5rem 1.5rem;margin-right:1rem}}</style></head><body>\
         <h1>Simulated payment</h1><p>No money moves here.</p><p>{status}</p>{buttons}</body></html>\n"
    )
}
