//! What the codec asks of the registry, and what it makes of the answers.

use minuet_events::payments::PaymentFailed;
use minuet_events::{Codec, DecodeError, Event, EventType, RegistryError, ResolveError, check_compatible};
use serde_json::{Value, json};

use crate::registry_stub::RegistryStub;
use crate::samples;

/// The `PaymentFailed` whose optional fields are all absent.
fn bare_payment_failed() -> PaymentFailed {
    let bare = samples::all().into_iter().find_map(|event| match event {
        Event::PaymentFailed(failed) if failed.detail.is_none() => Some(failed),
        _ => None,
    });
    bare.unwrap()
}

fn payment_failed_schema() -> Value {
    serde_json::from_str(EventType::PaymentFailed.schema_json()).unwrap()
}

fn fields(schema: &mut Value) -> &mut Vec<Value> {
    schema["fields"].as_array_mut().unwrap()
}

fn wire(id: u32, datum: &[u8]) -> Vec<u8> {
    [&[0], id.to_be_bytes().as_slice(), datum].concat()
}

#[tokio::test]
async fn each_schema_is_registered_once_under_its_full_name_and_protected() {
    let registry = RegistryStub::start();
    let codec = Codec::register(&registry.url()).await.unwrap();
    for &event_type in EventType::ALL {
        let subject = event_type.record_name();
        registry.with(|state| {
            assert_eq!(state.versions[subject], [event_type.schema_json()]);
            assert_eq!(state.levels[subject], "BACKWARD_TRANSITIVE");
            assert_eq!(state.ids[&codec.schema_id(event_type)]["schema"], event_type.schema_json());
        });
    }
    for event in samples::all() {
        let bytes = codec.encode(&event).unwrap();
        assert_eq!(bytes[..5], wire(codec.schema_id(event.event_type()), &[]));
        assert_eq!(codec.decode(&bytes).unwrap(), event);
    }
    let again = Codec::register(&registry.url()).await.unwrap();
    assert_eq!(again.schema_id(EventType::OrderPlaced), codec.schema_id(EventType::OrderPlaced));
    assert_eq!(registry.asked("PUT /config/"), EventType::COUNT, "a level that is set stays");
}

/// Apicurio answers 409 to whoever sets a level second, in the moment of the first.
#[tokio::test]
async fn a_race_with_another_service_is_run_again() {
    let registry = RegistryStub::start();
    registry.with(|state| state.refuse_next_level = true);
    Codec::register(&registry.url()).await.unwrap();
    assert_eq!(registry.asked("PUT /config/"), EventType::COUNT + 1);
    assert_eq!(registry.with(|state| state.levels.len()), EventType::COUNT);
}

#[tokio::test]
async fn a_stricter_level_is_left_alone() {
    let registry = RegistryStub::start();
    let subject = EventType::OrderPlaced.record_name();
    registry.with(|state| state.levels.insert(subject.to_owned(), "FULL_TRANSITIVE".to_owned()));
    Codec::register(&registry.url()).await.unwrap();
    assert_eq!(registry.with(|state| state.levels[subject].clone()), "FULL_TRANSITIVE");
}

#[tokio::test]
async fn what_was_written_before_a_field_existed_is_read_with_its_default() {
    let registry = RegistryStub::start();
    let codec = Codec::register(&registry.url()).await.unwrap();
    let mut older = payment_failed_schema();
    fields(&mut older).retain(|field| field.get("default").is_none());
    registry.register(900, &older.to_string());

    let expected: Event = bare_payment_failed().into();
    // The optional fields come last, one byte each for null.
    let now = codec.encode(&expected).unwrap();
    let then = wire(900, &now[5..now.len() - 3]);
    assert_eq!(codec.decode(&then), Err(DecodeError::UnknownSchema { id: 900 }));
    codec.resolve(900).await.unwrap();
    assert_eq!(codec.decode(&then), Ok(expected));
    codec.resolve(900).await.unwrap();
    assert_eq!(registry.asked("/schemas/ids/900"), 1);
}

#[tokio::test]
async fn fields_of_a_newer_writer_are_passed_over() {
    let registry = RegistryStub::start();
    let codec = Codec::register(&registry.url()).await.unwrap();
    let mut newer = payment_failed_schema();
    fields(&mut newer).push(json!({ "name": "retries", "type": "int", "default": 0 }));
    // A named type that is used twice is a reference the second time.
    let place =
        json!({ "type": "record", "name": "Place", "fields": [{ "name": "city", "type": "string" }] });
    fields(&mut newer).push(json!({ "name": "from", "type": place }));
    fields(&mut newer).push(json!({ "name": "to", "type": ["null", "Place"] }));
    registry.register(901, &newer.to_string());

    let expected: Event = bare_payment_failed().into();
    let now = codec.encode(&expected).unwrap();
    let later = wire(901, &[&now[5..], &[4, 2, b'A', 2, 2, b'B']].concat());
    codec.resolve(901).await.unwrap();
    assert_eq!(codec.decode(&later), Ok(expected));
}

/// As an older schema might have it; Avro lets a reader widen it.
#[tokio::test]
async fn a_narrower_number_of_another_version_is_widened_and_mistakes_keep_their_place() {
    let registry = RegistryStub::start();
    let codec = Codec::register(&registry.url()).await.unwrap();
    let mut narrow: Value = serde_json::from_str(EventType::InventoryRejected.schema_json()).unwrap();
    fields(&mut fields(&mut narrow)[1]["type"]["items"])[1]["type"] = json!("int");
    registry.register(908, &narrow.to_string());
    codec.resolve(908).await.unwrap();

    let is_rejected = |event: &Event| event.event_type() == EventType::InventoryRejected;
    let expected = samples::all().into_iter().find(is_rejected).unwrap();
    let mut bytes = wire(908, &codec.encode(&expected).unwrap()[5..]);
    assert_eq!(codec.decode(&bytes), Ok(expected));

    let sku = bytes.windows(5).position(|window| window == b"MUG-1").unwrap();
    bytes[sku] = 0;
    let error = codec.decode(&bytes).unwrap_err().to_string();
    assert!(error.contains("schema 908: shortages[0].sku: "), "{error}");
    bytes.push(0);
    let error = codec.decode(&bytes).unwrap_err().to_string();
    assert!(error.contains("1 bytes are left over"), "{error}");
}

#[tokio::test]
async fn a_schema_of_somebody_else_is_named() {
    let registry = RegistryStub::start();
    let codec = Codec::register(&registry.url()).await.unwrap();
    registry.register(902, r#"{"type": "record", "name": "com.example.Other", "fields": []}"#);
    registry.register(903, r#""string""#);
    registry.register(904, "{");
    registry.with(|state| state.ids.insert(905, json!({ "schema": "{}", "schemaType": "JSON" })));
    let names = [
        (902, "com.example.Other"),
        (903, "no record"),
        (904, "no Avro schema that can be read"),
        (905, "no Avro schema that can be read"),
    ];
    for (id, name) in names {
        codec.resolve(id).await.unwrap();
        let expected = Err(DecodeError::UnknownRecord { id, name: name.to_owned() });
        assert_eq!(codec.decode(&wire(id, b"")), expected);
    }
}

#[tokio::test]
async fn an_id_that_does_not_exist_is_asked_for_once() {
    let registry = RegistryStub::start();
    let codec = Codec::register(&registry.url()).await.unwrap();
    for _ in 0..3 {
        let error = codec.resolve(906).await.unwrap_err();
        assert!(matches!(error, ResolveError::NotFound { id: 906 }), "{error:?}");
    }
    assert_eq!(registry.asked("/schemas/ids/906"), 1);
    let offline = Codec::local().resolve(906).await.unwrap_err();
    assert!(matches!(offline, ResolveError::NotFound { id: 906 }), "{offline:?}");
}

#[tokio::test]
async fn a_registry_in_trouble_is_no_verdict_on_a_schema() {
    let registry = RegistryStub::start();
    let codec = Codec::register(&registry.url()).await.unwrap();
    // An error of its own, one of a proxy that looks like a verdict, and none at all.
    for fault in
        [(500, json!({ "error_code": 50001, "message": "" })), (404, json!("no such host")), (503, json!({}))]
    {
        registry.with(|state| state.fault = Some(fault));
        let error = codec.resolve(907).await.unwrap_err();
        assert!(matches!(error, ResolveError::Unavailable { id: 907, .. }), "{error:?}");
    }
    drop(registry);
    let error = codec.resolve(907).await.unwrap_err();
    assert!(matches!(error, ResolveError::Unavailable { id: 907, .. }), "{error:?}");
}

#[tokio::test]
async fn a_registry_that_refuses_is_told_from_one_that_is_away() {
    let registry = RegistryStub::start();
    let url = registry.url();
    let fault = json!({ "error_code": 409, "message": "incompatible: order_id" });
    registry.with(|state| state.fault = Some((409, fault)));
    let error = Codec::register(&url).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
    registry.with(|state| state.fault = Some((500, json!({ "error_code": 50001, "message": "" }))));
    let error = Codec::register(&url).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unavailable { .. }), "{error:?}");
    drop(registry);
    let error = Codec::register(&url).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unavailable { .. }), "{error:?}");
    let error = Codec::register("no address").await.unwrap_err();
    assert!(matches!(error, RegistryError::Address { .. }), "{error:?}");
}

#[tokio::test]
async fn a_change_that_cannot_read_what_lies_there_is_found() {
    let registry = RegistryStub::start();
    assert_eq!(check_compatible(&registry.url()).await.unwrap(), [], "an empty registry");
    Codec::register(&registry.url()).await.unwrap();
    assert_eq!(check_compatible(&registry.url()).await.unwrap(), [], "our own schemas");

    // Before ours there was a version without `reason`, which ours wants and has no default for.
    let subject = EventType::PaymentFailed.record_name();
    let mut older = payment_failed_schema();
    fields(&mut older).retain(|field| field["name"] != "reason");
    registry.with(|state| {
        state
            .versions
            .get_mut(subject)
            .into_iter()
            .for_each(|versions| versions.insert(0, older.to_string()));
    });
    let found = check_compatible(&registry.url()).await.unwrap();
    let places: Vec<_> = found.iter().map(|found| (found.event_type, found.version)).collect();
    assert_eq!(places, [(EventType::PaymentFailed, 1)]);
    assert!(found[0].to_string().contains("reason"), "{}", found[0]);
}
