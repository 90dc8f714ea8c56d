//! Webhook signatures against Stripe's own SDK for Python: made there and verified here, made here and verified there.

use std::process::Command;

use minuet_identity::{Secret, WebhookRefused, sign_webhook, verify_webhook};

use super::emulator::{PYTHON, installed};

const BODY: &str = r#"{"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": {"object": {"näme": "✓"}}}"#;

/// What the SDK's code prints; an exception's name if it raises one.
fn sdk(code: &str, arguments: &[&str]) -> String {
    let code = format!(
        "import sys, time, stripe\nfrom stripe import Webhook, WebhookSignature\narguments = sys.argv[1:]\n\
         try:\n    print({code})\nexcept Exception as error:\n    print(type(error).__name__)"
    );
    let run = Command::new(installed(PYTHON)).args(["-c", &code]).args(arguments).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().trim().to_owned()
}

fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

#[test]
#[ignore = "needs Stripe's SDK: make provider-test"]
fn the_sdks_signature_is_verified_here() {
    let header =
        sdk("WebhookSignature.generate_signature_header(arguments[0], arguments[1])", &[BODY, "whsec_1"]);
    let (one, two) = (Secret::new("whsec_1"), Secret::new("whsec_2"));
    assert_eq!(verify_webhook(&[two.clone(), one.clone()], &header, BODY.as_bytes(), now()), Ok(()));
    assert_eq!(verify_webhook(&[two], &header, BODY.as_bytes(), now()), Err(WebhookRefused::Wrong));
    let changed = BODY.replace("evt_1", "evt_2");
    assert_eq!(
        verify_webhook(std::slice::from_ref(&one), &header, changed.as_bytes(), now()),
        Err(WebhookRefused::Wrong)
    );
    assert_eq!(verify_webhook(&[one], &header, BODY.as_bytes(), now() + 400), Err(WebhookRefused::Stale));
}

#[test]
#[ignore = "needs Stripe's SDK: make provider-test"]
fn the_sdk_verifies_our_signature_and_refuses_a_wrong_one() {
    let verify = |header: &str, body: &str| {
        sdk("Webhook.construct_event(arguments[0], arguments[1], 'whsec_1').id", &[body, header])
    };
    let secret = Secret::new("whsec_1");
    let good = sign_webhook(&secret, now(), BODY.as_bytes());
    assert_eq!(verify(&good, BODY), "evt_1");
    for (header, body) in [
        (sign_webhook(&Secret::new("whsec_2"), now(), BODY.as_bytes()), BODY.to_owned()),
        (sign_webhook(&secret, now() - 400, BODY.as_bytes()), BODY.to_owned()),
        (good, BODY.replace("evt_1", "evt_2")),
    ] {
        assert_eq!(verify(&header, &body), "SignatureVerificationError", "{header}");
    }
}
