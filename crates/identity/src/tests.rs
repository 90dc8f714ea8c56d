mod webhook;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};

use crate::keys::{KeyError, Keys};
use crate::{Identity, Refused, Secret, Settings, TokenError, UserName, Verifier, development_token};

const SECRET: &str = "a secret that is only used in tests";

const RSA: (&[u8], &[u8]) =
    (include_bytes!("tests/keys/rsa.private.pem"), include_bytes!("tests/keys/rsa.public.pem"));
const EC: (&[u8], &[u8]) =
    (include_bytes!("tests/keys/ec.private.pem"), include_bytes!("tests/keys/ec.public.pem"));
const ED: (&[u8], &[u8]) =
    (include_bytes!("tests/keys/ed.private.pem"), include_bytes!("tests/keys/ed.public.pem"));

/// A file of this test's own, gone with it.
struct TestFile(PathBuf);

impl TestFile {
    fn new(content: &[u8]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("minuet-identity-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        TestFile(path)
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

fn settings() -> Settings {
    Settings { jwt_secret: Some(Secret::new(SECRET)), ..Settings::default() }
}

fn with_secret() -> Verifier {
    settings().verifier().unwrap()
}

fn with_pem(pem: &[u8]) -> Result<Verifier, KeyError> {
    let file = TestFile::new(pem);
    Settings { jwt_public_key_file: Some(file.0.clone()), ..Settings::default() }.verifier()
}

fn jwk(kid: &str, public: DecodingKey, algorithm: Algorithm) -> Value {
    let mut jwk = Jwk::from_decoding_key(&public, Some(algorithm)).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    serde_json::to_value(jwk).unwrap()
}

fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

fn rsa_jwk() -> Value {
    jwk("r1", DecodingKey::from_rsa_pem(RSA.1).unwrap(), Algorithm::RS256)
}

fn with_jwks(file: &TestFile) -> Result<Verifier, KeyError> {
    Settings { jwks_file: Some(file.0.clone()), ..Settings::default() }.verifier()
}

fn claims() -> Value {
    json!({ "sub": "anna", "exp": get_current_timestamp() + 60 })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn sign(algorithm: Algorithm, key: &EncodingKey, kid: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, key).unwrap()
}

fn hs256(claims: &Value) -> String {
    sign(Algorithm::HS256, &EncodingKey::from_secret(SECRET.as_bytes()), None, claims)
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa_key() -> EncodingKey {
    EncodingKey::from_rsa_pem(RSA.0).unwrap()
}

fn anna() -> Identity {
    Identity { user: UserName::parse("anna").unwrap(), admin: false }
}

#[test]
fn a_development_token_is_believed_until_it_expires() {
    let anna = anna();
    let token = development_token(SECRET, anna.user.as_str(), false, Duration::from_secs(60)).unwrap();
    assert_eq!(with_secret().verify(&token), Ok(anna.clone()));
    let token = development_token(SECRET, anna.user.as_str(), true, Duration::from_secs(60)).unwrap();
    assert_eq!(with_secret().verify(&token), Ok(Identity { admin: true, ..anna }));
    let expired = with(claims(), "exp", json!(get_current_timestamp() - 60));
    assert_eq!(with_secret().verify(&hs256(&expired)), Err(Refused::Expired));
}

#[test]
fn no_development_token_is_made_that_nobody_would_believe() {
    let refused = development_token(SECRET, "admin:anna", false, Duration::from_secs(60));
    assert!(matches!(refused, Err(TokenError::Reserved { .. })), "{refused:?}");
}

#[test]
fn each_kind_of_public_key_verifies_its_own_algorithm() {
    let cases = [
        (RSA.1, Algorithm::RS256, rsa_key()),
        (EC.1, Algorithm::ES256, EncodingKey::from_ec_pem(EC.0).unwrap()),
        (ED.1, Algorithm::EdDSA, EncodingKey::from_ed_pem(ED.0).unwrap()),
    ];
    for (pem, algorithm, key) in &cases {
        let verifier = with_pem(pem).unwrap();
        for (_, signed_with, signer) in &cases {
            let answer = verifier.verify(&sign(*signed_with, signer, None, &claims()));
            let expected = if signed_with == algorithm { Ok(anna()) } else { Err(Refused::Algorithm) };
            assert_eq!(answer, expected, "{signed_with:?} against {algorithm:?}");
        }
        let tampered = sign(*algorithm, key, None, &claims()).replacen("eyJ", "eyK", 1);
        assert!(verifier.verify(&tampered).is_err());
    }
}

/// The classic: whoever knows the public key signs with it as if it were a shared secret.
#[test]
fn a_public_key_is_no_shared_secret() {
    for pem in [RSA.1, EC.1, ED.1] {
        let forged = sign(Algorithm::HS256, &EncodingKey::from_secret(pem), None, &claims());
        assert_eq!(with_pem(pem).unwrap().verify(&forged), Err(Refused::Algorithm));
    }
    let file = TestFile::new(&jwks(&[rsa_jwk()]));
    let forged = sign(Algorithm::HS256, &EncodingKey::from_secret(RSA.1), Some("r1"), &claims());
    assert_eq!(with_jwks(&file).unwrap().verify(&forged), Err(Refused::Algorithm));
}

#[test]
fn other_algorithms_of_the_same_key_are_refused() {
    let token = sign(Algorithm::RS512, &rsa_key(), None, &claims());
    assert_eq!(with_pem(RSA.1).unwrap().verify(&token), Err(Refused::Algorithm));
    let token = sign(Algorithm::HS512, &EncodingKey::from_secret(SECRET.as_bytes()), None, &claims());
    assert_eq!(with_secret().verify(&token), Err(Refused::Algorithm));
}

#[test]
fn an_unsigned_token_is_refused() {
    // {"alg":"none","typ":"JWT"} and the claims of a good token, with an empty and with a made-up signature.
    let good = hs256(&claims());
    let payload = good.split('.').nth(1).unwrap();
    for header in ["eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", "eyJhbGciOiJOT05FIn0"] {
        for signature in ["", "AAAA"] {
            assert!(with_secret().verify(&format!("{header}.{payload}.{signature}")).is_err());
        }
    }
    for nonsense in ["", ".", "..", "a.b.c", "eyJ", "é.é.é"] {
        assert_eq!(with_secret().verify(nonsense), Err(Refused::Malformed), "{nonsense:?}");
    }
}

#[test]
fn claims_are_checked() {
    let now = get_current_timestamp();
    let verify = |claims: Value| with_secret().verify(&hs256(&claims));
    assert_eq!(verify(json!({ "sub": "anna" })), Err(Refused::Claims), "no exp");
    assert_eq!(verify(json!({ "exp": now + 60 })), Err(Refused::Claims), "no sub");
    assert_eq!(verify(with(claims(), "sub", json!(""))), Err(Refused::Claims));
    assert_eq!(verify(with(claims(), "sub", json!("a\nb"))), Err(Refused::Claims));
    assert_eq!(verify(with(claims(), "nbf", json!(now + 60))), Err(Refused::NotYetValid));
    assert_eq!(verify(with(claims(), "nbf", json!(now - 60))), Ok(anna()));
    assert_eq!(
        verify(with(claims(), "aud", json!("somebody"))),
        Err(Refused::Claims),
        "meant for somebody else"
    );
    for (scope, admin) in
        [("admin", true), ("read admin", true), ("administrator", false), ("Admin", false), ("", false)]
    {
        let identity = verify(with(claims(), "scope", json!(scope))).unwrap();
        assert_eq!(identity.admin, admin, "{scope:?}");
    }
}

/// NumericDate may have a fraction, and JSON's exponent (RFC 7519, 2).
#[test]
fn times_may_have_a_fraction_or_an_exponent() {
    let now = get_current_timestamp();
    let signed = |claims: String| {
        // Written by hand: `json!` would normalise the numbers.
        let header = encoded(br#"{"alg":"HS256","typ":"JWT"}"#);
        let message = format!("{header}.{}", encoded(claims.as_bytes()));
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    let verify = |times: &str| with_secret().verify(&signed(format!(r#"{{"sub":"anna",{times}}}"#)));
    let (past, later) = (now - 60, now + 60);
    for times in [
        format!(r#""exp":{later}.5"#),
        format!(r#""exp":{later}.0,"nbf":{past}.25,"iat":{past}.125"#),
        r#""exp":4.1e9"#.to_owned(),
        r#""exp":41E8,"nbf":1.7e+9,"iat":1.7e9"#.to_owned(),
        r#""exp":1e30"#.to_owned(),
        format!(r#""exp":{later},"nbf":-1,"iat":0"#),
    ] {
        assert_eq!(verify(&times), Ok(anna()), "{times}");
    }
    for (times, refused) in [
        (format!(r#""exp":{past}.5"#), Refused::Expired),
        (r#""exp":1.5e9"#.to_owned(), Refused::Expired),
        (r#""exp":-1"#.to_owned(), Refused::Expired),
        (format!(r#""exp":{later},"nbf":{later}.5"#), Refused::NotYetValid),
        (format!(r#""exp":{later},"nbf":4.1e9"#), Refused::NotYetValid),
        (format!(r#""exp":{later},"nbf":1e30"#), Refused::NotYetValid),
        (format!(r#""exp":"{later}""#), Refused::Claims),
        (format!(r#""exp":{later},"nbf":"{past}""#), Refused::Claims),
        // Which of the two would be meant (RFC 7519, 4)?
        (format!(r#""exp":{past},"exp":{later}"#), Refused::Malformed),
        (format!(r#""exp":{later},"scope":"read","scope":"admin""#), Refused::Malformed),
    ] {
        assert_eq!(verify(&times), Err(refused), "{times}");
    }
}

/// RFC 8693 writes scopes as words in one string; several issuers write a list.
#[test]
fn scope_may_be_a_string_or_a_list() {
    let verify = |scope: Value| with_secret().verify(&hs256(&with(claims(), "scope", scope)));
    for (scope, admin) in [
        (json!(["admin"]), true),
        (json!(["read", "admin"]), true),
        (json!(["read admin"]), true),
        (json!([]), false),
        (json!(["administrator", "Admin"]), false),
        (json!("read  admin"), true),
        (Value::Null, false),
    ] {
        assert_eq!(verify(scope.clone()), Ok(Identity { admin, ..anna() }), "{scope}");
    }
    for scope in [json!(7), json!({ "admin": true }), json!([1]), json!(["admin", null]), json!(true)] {
        assert_eq!(verify(scope.clone()), Err(Refused::Claims), "{scope}");
    }
}

#[test]
fn an_audience_may_be_a_string_or_a_list() {
    let verifier = Settings { jwt_audience: Some("minuet".to_owned()), ..settings() }.verifier().unwrap();
    for (aud, with_one, without) in [
        (json!("minuet"), Ok(anna()), Err(Refused::Claims)),
        (json!(["minuet"]), Ok(anna()), Err(Refused::Claims)),
        (json!(["other", "minuet"]), Ok(anna()), Err(Refused::Claims)),
        (json!(["other"]), Err(Refused::Claims), Err(Refused::Claims)),
        (json!([]), Err(Refused::Claims), Err(Refused::Claims)),
        (json!(7), Err(Refused::Claims), Err(Refused::Claims)),
        (json!(["minuet", 7]), Err(Refused::Claims), Err(Refused::Claims)),
        (Value::Null, Err(Refused::Claims), Ok(anna())),
    ] {
        let token = hs256(&with(claims(), "aud", aud.clone()));
        assert_eq!(verifier.verify(&token), with_one, "{aud}");
        assert_eq!(with_secret().verify(&token), without, "{aud}, and none is configured");
    }
}

#[test]
fn a_subject_is_a_name() {
    let verify = |sub: Value| with_secret().verify(&hs256(&with(claims(), "sub", sub)));
    for sub in [json!(7), json!(true), Value::Null] {
        assert_eq!(verify(sub.clone()), Err(Refused::Claims), "{sub}");
    }
}

/// `kid` is optional (RFC 7517, 4.5): where there is one key, there is nothing to choose.
#[test]
fn a_set_of_one_key_needs_no_kid() {
    let unnamed = with(rsa_jwk(), "kid", Value::Null);
    let of_another_kind = json!({ "kty": "new", "kid": "x" });
    let for_encryption =
        with(jwk("r2", DecodingKey::from_rsa_pem(RSA.1).unwrap(), Algorithm::RS256), "use", json!("enc"));
    let by_rsa = |kid| sign(Algorithm::RS256, &rsa_key(), kid, &claims());
    for keys in [vec![unnamed.clone()], vec![of_another_kind, unnamed.clone(), for_encryption]] {
        let file = TestFile::new(&jwks(&keys));
        let verifier = with_jwks(&file).unwrap();
        for kid in [None, Some("r1"), Some("any")] {
            assert_eq!(verifier.verify(&by_rsa(kid)), Ok(anna()), "{kid:?} of {keys:?}");
        }
        let by_ec = sign(Algorithm::ES256, &EncodingKey::from_ec_pem(EC.0).unwrap(), None, &claims());
        assert_eq!(verifier.verify(&by_ec), Err(Refused::Algorithm));
    }

    let file = TestFile::new(&jwks(&[rsa_jwk()]));
    let verifier = with_jwks(&file).unwrap();
    assert_eq!(verifier.verify(&by_rsa(None)), Ok(anna()), "the token names no key, and there is one");
    assert_eq!(verifier.verify(&by_rsa(Some("r2"))), Err(Refused::Algorithm), "it names another");

    let ec = jwk("e1", DecodingKey::from_ec_pem(EC.1).unwrap(), Algorithm::ES256);
    let file = TestFile::new(&jwks(&[unnamed, ec]));
    let verifier = with_jwks(&file).unwrap();
    assert_eq!(verifier.verify(&by_rsa(None)), Err(Refused::Algorithm), "two keys, and no name");
    assert_eq!(verifier.verify(&by_rsa(Some("r1"))), Err(Refused::Algorithm));
}

#[test]
fn issuer_and_audience_must_be_the_configured_ones() {
    let settings = Settings {
        jwt_issuer: Some("https://id.example".to_owned()),
        jwt_audience: Some("minuet".to_owned()),
        ..settings()
    };
    let verifier = settings.verifier().unwrap();
    let good = with(with(claims(), "iss", json!("https://id.example")), "aud", json!(["other", "minuet"]));
    assert_eq!(verifier.verify(&hs256(&good)), Ok(anna()));
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", json!(7)),
    ] {
        let token = hs256(&with(good.clone(), name, value.clone()));
        assert_eq!(verifier.verify(&token), Err(Refused::Claims), "{name}: {value}");
    }
}

#[test]
fn a_key_set_is_chosen_from_by_kid_and_follows_its_file() {
    let ec = jwk("e1", DecodingKey::from_ec_pem(EC.1).unwrap(), Algorithm::ES256);
    let ed = jwk("d1", DecodingKey::from_ed_pem(ED.1).unwrap(), Algorithm::EdDSA);
    let file = TestFile::new(&jwks(&[rsa_jwk(), ec, json!({ "kty": "new", "kid": "x" })]));
    let verifier = with_jwks(&file).unwrap();
    let Keys::Set(set) = verifier.keys() else { panic!("a set") };

    let by_rsa = |kid| sign(Algorithm::RS256, &rsa_key(), kid, &claims());
    assert_eq!(verifier.verify(&by_rsa(Some("r1"))), Ok(anna()));
    let by_ec = sign(Algorithm::ES256, &EncodingKey::from_ec_pem(EC.0).unwrap(), Some("e1"), &claims());
    assert_eq!(verifier.verify(&by_ec), Ok(anna()));
    assert_eq!(verifier.verify(&by_rsa(None)), Err(Refused::Algorithm));
    assert_eq!(verifier.verify(&by_rsa(Some("e1"))), Err(Refused::Algorithm));

    let by_ed = sign(Algorithm::EdDSA, &EncodingKey::from_ed_pem(ED.0).unwrap(), Some("d1"), &claims());
    assert_eq!(verifier.verify(&by_ed), Err(Refused::Algorithm));
    assert!(!set.reload().unwrap());
    std::fs::write(&file.0, jwks(&[ed])).unwrap();
    assert!(set.reload().unwrap());
    assert_eq!(verifier.verify(&by_ed), Ok(anna()));
    assert_eq!(verifier.verify(&by_rsa(Some("r1"))), Err(Refused::Algorithm), "taken out of the file");

    std::fs::write(&file.0, b"{ half").unwrap();
    assert!(set.reload().is_err());
    assert_eq!(verifier.verify(&by_ed), Ok(anna()), "a broken file changes nothing");
}

#[test]
fn unusable_keys_stop_the_start() {
    let private = [RSA.0, EC.0, ED.0];
    let weak: [&[u8]; 2] =
        [include_bytes!("tests/keys/weak-rsa.public.pem"), include_bytes!("tests/keys/p384.public.pem")];
    for pem in private.into_iter().chain(weak).chain([b"".as_slice(), b"no key"]) {
        assert!(matches!(with_pem(pem).err(), Some(KeyError::Pem { .. })));
    }
    let secret = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "s" });
    let for_encryption = with(rsa_jwk(), "use", json!("enc"));
    let unnamed = || with(rsa_jwk(), "kid", Value::Null);
    let two_unnamed = vec![unnamed(), unnamed()];
    for keys in [vec![], vec![secret], vec![rsa_jwk(), rsa_jwk()], vec![for_encryption], two_unnamed] {
        let file = TestFile::new(&jwks(&keys));
        assert!(matches!(with_jwks(&file).err(), Some(KeyError::Set { .. })), "{keys:?}");
    }
}

/// Readers differ in which of the two keys counts.
#[test]
fn a_key_set_with_a_name_twice_stops_the_start() {
    let text = String::from_utf8(jwks(&[rsa_jwk()])).unwrap();
    for twice in [
        text.replacen(r#"{"keys""#, r#"{"keys":[],"keys""#, 1),
        text.replacen(r#""kid":"#, r#""kid":"x","kid":"#, 1),
    ] {
        let file = TestFile::new(twice.as_bytes());
        let refused = with_jwks(&file).err();
        assert!(
            matches!(&refused, Some(KeyError::Set { problem, .. }) if problem.contains("is repeated")),
            "{refused:?}"
        );
    }
}

#[test]
fn settings_say_what_they_take() {
    let refused = |settings: Settings| settings.check().unwrap_err().to_string();
    assert!(refused(Settings::default()).starts_with("jwt_secret: exactly one of"));
    assert!(refused(Settings { jwks_file: Some("keys.json".into()), ..settings() }).contains("exactly one"));
    assert!(refused(Settings { jwt_secret: Some(Secret::new("short")), ..settings() }).contains("32 bytes"));
    assert!(!format!("{:?}", settings()).contains(SECRET));
}
