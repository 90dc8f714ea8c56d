//! A payment that waits until its customer has chosen on the hosted page.

use std::net::SocketAddr;
use std::sync::Arc;

use minuet_events::values::PaymentActionKind;
use reqwest::{Client, StatusCode, redirect};
use tokio::net::TcpListener;

use super::*;

struct Hosted {
    provider: Arc<Simulated>,
    address: SocketAddr,
    http: Client,
}

impl Hosted {
    async fn new() -> Self {
        let settings = ProviderSettings { action_methods: PaymentMethod::ALL.to_vec(), ..settings(1.0) };
        let provider = Arc::new(provider(settings));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages = provider.hosted_pages(address);
        // Ends with the test's runtime.
        drop(tokio::spawn(async move { axum::serve(listener, pages).await }));
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Hosted { provider, address, http }
    }

    /// Begins the charge, which waits: the page's address.
    async fn waiting(&self, charge: &Charge) -> String {
        let begun = self.provider.begin(charge, &reference(charge.payment_id)).await.unwrap();
        let Standing::MustAct(action) = begun else { panic!("{begun:?}") };
        action.url.unwrap()
    }

    async fn ask(&self, charge: &Charge) -> Standing {
        self.provider.ask(charge, &reference(charge.payment_id)).await.unwrap()
    }

    async fn post(&self, url: String) -> StatusCode {
        self.http.post(url).send().await.unwrap().status()
    }

    async fn page(&self, url: &str) -> String {
        self.http.get(url).send().await.unwrap().text().await.unwrap()
    }
}

#[tokio::test]
async fn a_payment_waits_until_its_customer_pays() {
    let hosted = Hosted::new().await;
    let charge = charge(1);
    let url = hosted.waiting(&charge).await;
    assert_eq!(url, format!("http://{}/pay/{}", hosted.address, charge.payment_id));
    assert!(matches!(hosted.ask(&charge).await, Standing::MustAct(_)));
    assert_eq!(hosted.waiting(&charge).await, url, "begun again, it still waits");
    assert!(hosted.page(&url).await.contains("25.00 EUR to pay"));
    assert_eq!(hosted.post(format!("{url}/pay")).await, StatusCode::SEE_OTHER);
    let Standing::Answered(answer) = hosted.ask(&charge).await else { panic!() };
    assert!(is_captured(&answer));
    assert!(hosted.page(&url).await.contains("The order is paid."));
    for choice in ["pay", "decline"] {
        assert_eq!(hosted.post(format!("{url}/{choice}")).await, StatusCode::CONFLICT);
    }
}

#[tokio::test]
async fn a_customer_may_decline() {
    let hosted = Hosted::new().await;
    let charge = charge(1);
    let url = hosted.waiting(&charge).await;
    assert_eq!(hosted.post(format!("{url}/decline")).await, StatusCode::SEE_OTHER);
    let Standing::Answered(answer) = hosted.ask(&charge).await else { panic!() };
    assert_eq!(reason(&answer), Some("declined_by_customer"));
}

#[tokio::test]
async fn a_customer_who_comes_after_the_cancellation_pays_nothing() {
    let hosted = Hosted::new().await;
    let charge = charge(1);
    let url = hosted.waiting(&charge).await;
    assert_eq!(reason(&cancels(&hosted.provider, &charge)), Some("stopped"));
    assert_eq!(hosted.post(format!("{url}/pay")).await, StatusCode::CONFLICT);
    let Standing::Answered(answer) = hosted.ask(&charge).await else { panic!() };
    assert_eq!(reason(&answer), Some("stopped"));
    assert!(hosted.page(&url).await.contains("Nothing was taken"));
}

#[tokio::test]
async fn what_does_not_wait_has_no_page() {
    let hosted = Hosted::new().await;
    for id in [charge(1).payment_id.to_string(), "x".to_owned(), "%3Cscript%3E".to_owned()] {
        let answer = hosted.http.get(format!("http://{}/pay/{id}", hosted.address)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn each_method_has_its_action() {
    use PaymentActionKind::{QrCode, Redirect, ThreeDSecure};
    use PaymentMethod::{Alipay, CreditCard, DebitCard, Paypal, Wechat};
    let hosted = Hosted::new().await;
    let expected = [
        (CreditCard, ThreeDSecure),
        (DebitCard, ThreeDSecure),
        (Paypal, Redirect),
        (Alipay, Redirect),
        (Wechat, QrCode),
    ];
    for (number, (payment_method, kind)) in (1..).zip(expected) {
        let charge = Charge { payment_method, ..charge(number) };
        let begun = hosted.provider.begin(&charge, &reference(charge.payment_id)).await.unwrap();
        let Standing::MustAct(action) = begun else { panic!("{begun:?}") };
        assert_eq!((action.kind, action.data.is_some()), (kind, kind == QrCode));
    }
}

#[test]
fn without_pages_nothing_waits() {
    let provider = provider(settings(1.0));
    assert_eq!(reason(&captures(&provider, &charge_of(1, "9999.10"))), Some("hosted_page_missing"));
}
