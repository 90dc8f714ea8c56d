//! The secret key: where it goes, and where it does not.

use std::path::PathBuf;

use minuet_identity::Secret;
use serde_json::json;

use super::scripted::{Reply, Scripted, intent};
use super::{KEY, card, settings, stripe};
use crate::provider::stripe::{API_VERSION, KeyError, Stripe, StripeSettings, StripeSetupError};

/// A file of this test's own, gone with it.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str, text: &str) -> Self {
        let file = KeyFile(std::env::temp_dir().join(format!("minuet-stripe-{name}-{}", std::process::id())));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }

    fn settings(&self, url: &str) -> StripeSettings {
        StripeSettings { secret_key: None, secret_key_file: Some(self.0.clone()), ..settings(url) }
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

#[tokio::test]
async fn each_request_carries_the_key_and_the_version() {
    let server = Scripted::new([Reply::Json(200, intent("succeeded"))]).await;
    stripe(&server.url).create(&card("pm_1")).await.unwrap().unwrap();
    stripe(&server.url).retrieve("pi_1").await.unwrap();
    for asked in server.asked() {
        assert_eq!(asked.header("authorization"), format!("Bearer {KEY}"));
        assert_eq!(asked.header("stripe-version"), API_VERSION);
        assert!(!asked.path.contains(KEY) && !asked.body.contains(KEY));
    }
}

#[tokio::test]
async fn no_error_tells_the_key() {
    let refusal =
        json!({ "error": { "type": "invalid_request_error", "message": format!("no such key: {KEY}") } });
    for reply in [Reply::Json(401, refusal), Reply::Json(500, json!(KEY)), Reply::Text(200, KEY), Reply::Cut]
    {
        let server = Scripted::new([reply]).await;
        let url = server.url.replace("://", &format!("://user:{KEY}@"));
        let error = stripe(&url).retrieve("pi_1").await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains("geheim"), "{said}");
    }
    let said = format!("{:?}", settings("http://127.0.0.1"));
    assert!(!said.contains("geheim"), "{said}");
}

#[tokio::test]
async fn a_key_may_be_rotated_while_running() {
    let refusal = json!({ "error": { "type": "invalid_request_error", "message": "Expired API Key" } });
    let server = Scripted::new([Reply::Json(401, refusal), Reply::Json(200, intent("succeeded"))]).await;
    let file = KeyFile::new("rotated", "sk_test_old\n");
    let stripe = Stripe::open(&file.settings(&server.url)).unwrap();
    file.write("sk_test_new\n");
    stripe.retrieve("pi_1").await.unwrap();
    let keys: Vec<_> = server.asked().iter().map(|asked| asked.header("authorization").to_owned()).collect();
    assert_eq!(keys, ["Bearer sk_test_old", "Bearer sk_test_new"]);
}

/// The file has no other key: Stripe is not asked for ever.
#[tokio::test]
async fn a_key_that_stays_wrong_is_refused_once() {
    let refusal = json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key" } });
    let server = Scripted::new([Reply::Json(401, refusal)]).await;
    let file = KeyFile::new("wrong", "sk_test_old");
    let stripe = Stripe::open(&file.settings(&server.url)).unwrap();
    stripe.retrieve("pi_1").await.unwrap_err();
    file.write("no key at all");
    stripe.retrieve("pi_1").await.unwrap_err();
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_setting_that_holds_no_key_is_named_without_its_value() {
    let with =
        |key: &str| StripeSettings { secret_key: Some(Secret::new(key)), ..settings("http://127.0.0.1") };
    for key in ["", "geheim", "pk_test_geheim", "sk_test_\u{1}geheim"] {
        let Err(error) = Stripe::open(&with(key)) else { panic!("{key:?} is taken") };
        let said = format!("{error} {error:?}");
        assert!(said.contains("payment.provider.stripe.secret_key") && !said.contains("geheim"), "{said}");
    }
    let missing = StripeSettings { secret_key: None, ..settings("http://127.0.0.1") };
    assert!(matches!(Stripe::open(&missing), Err(StripeSetupError::Key(KeyError::Missing))));
}
