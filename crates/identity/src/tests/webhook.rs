use crate::{Secret, WebhookRefused, sign_webhook, verify_webhook};

const NOW: i64 = 1_800_000_000;
const BODY: &[u8] = br#"{"id":"evt_1"}"#;

fn secret() -> Secret {
    Secret::new("whsec_test")
}

fn verdict(header: &str) -> Result<(), WebhookRefused> {
    verify_webhook(&[secret()], header, BODY, NOW)
}

/// Made by Python's hmac: `hmac.new(b"whsec_test", b"1800000000." + body, sha256).hexdigest()`.
#[test]
fn the_signature_is_the_one_that_others_make() {
    let header = sign_webhook(&secret(), NOW, BODY);
    assert_eq!(header, "t=1800000000,v1=45705be2a45ab5acdd1395cc695e9e7073125385ec24194921c401dff44176f8");
    assert_eq!(verdict(&header), Ok(()));
}

#[test]
fn each_changed_byte_is_noticed() {
    let header = sign_webhook(&secret(), NOW, BODY);
    for at in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[at] ^= 1;
        assert_eq!(verify_webhook(&[secret()], &header, &body, NOW), Err(WebhookRefused::Wrong), "{at}");
    }
    assert_eq!(verdict(&sign_webhook(&Secret::new("whsec_other"), NOW, BODY)), Err(WebhookRefused::Wrong));
    assert_eq!(verify_webhook(&[], &header, BODY, NOW), Err(WebhookRefused::Wrong));
}

#[test]
fn a_signature_holds_for_five_minutes() {
    for (seconds, expected) in [
        (NOW - 300, Ok(())),
        (NOW + 300, Ok(())),
        (NOW - 301, Err(WebhookRefused::Stale)),
        (NOW + 301, Err(WebhookRefused::Stale)),
        (0, Err(WebhookRefused::Stale)),
        (i64::MAX, Err(WebhookRefused::Stale)),
    ] {
        assert_eq!(verdict(&sign_webhook(&secret(), seconds, BODY)), expected, "{seconds}");
    }
}

/// The time is signed too: an old signature does not become a new one.
#[test]
fn a_signature_cannot_be_given_another_time() {
    let old = sign_webhook(&secret(), NOW - 1_000, BODY);
    let (_, signature) = old.split_once(',').unwrap();
    assert_eq!(verdict(&format!("t={NOW},{signature}")), Err(WebhookRefused::Wrong));
}

#[test]
fn while_secrets_are_rotated_either_is_good() {
    let (old, new) = (Secret::new("whsec_old"), Secret::new("whsec_new"));
    let both = [new.clone(), old.clone()];
    for secret in &both {
        assert_eq!(verify_webhook(&both, &sign_webhook(secret, NOW, BODY), BODY, NOW), Ok(()));
    }
    // The sender signs with both.
    let (by_old, by_new) = (sign_webhook(&old, NOW, BODY), sign_webhook(&new, NOW, BODY));
    let (_, by_old) = by_old.split_once(',').unwrap();
    assert_eq!(verify_webhook(&[old], &format!("{by_new},{by_old}"), BODY, NOW), Ok(()));
}

#[test]
fn a_header_of_another_form_is_refused() {
    let good = sign_webhook(&secret(), NOW, BODY);
    let (time, signature) = good.split_once(',').unwrap();
    for header in [
        "",
        ",",
        "t=",
        "t=1",
        "v1=",
        time,
        signature,
        &format!("t=x,{signature}"),
        &format!("t=-1,{signature}"),
        &format!("t=+{NOW},{signature}"),
        &format!("t=0{NOW},{signature}"),
        &format!("t={NOW}0000000000000000,{signature}"),
        &format!("{time},{time},{signature}"),
        &format!("{time},v1=abc"),
        &format!("{time},v1={}", "é".repeat(32)),
        &format!("{time},v0={}", "a".repeat(64)),
        &format!("{time}{}", format!(",{signature}").repeat(17)),
    ] {
        assert_eq!(verdict(header), Err(WebhookRefused::Malformed), "{header}");
    }
    assert_eq!(verdict(&format!("{time}, v0=abc, {signature}")), Ok(()));
}
