//! Somebody adds partitions to a topic under running services.

use minuet_tests::{Folder, Options, Raw, World, submission};
use rdkafka::admin::{AdminOptions, NewPartitions};

use reqwest::Method;

use super::{admin, says};
use crate::cli::tool;

#[tokio::test(flavor = "multi_thread")]
async fn added_partitions_are_told_and_no_key_moves() {
    let world = World::with(Options { partitions: 2, ..Options::default() }).await;
    let folder = Folder::new();
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    // The publisher knows the topic as it was.
    let placed = world.submit(&[("LAMP", 1)]).await;
    world.await_status(placed, "confirmed").await;
    let admin = admin(&world);
    for topic in ["orders.intake", "orders.events", "payments.events"] {
        let topic = format!("{}{topic}", world.prefix);
        let grown = admin.create_partitions([&NewPartitions::new(&topic, 6)], &AdminOptions::new()).await;
        grown.unwrap()[0].as_ref().unwrap();
    }
    let said = says(&services[0], "6 partitions where 2 are declared").await;
    assert!(said.contains(&format!("{}orders.intake", world.prefix)), "{said}");
    says(&services[1], "payments.events has 6 partitions").await;
    let metrics = services[0].metrics().await;
    let fault = ["fault=\"partitions\"", "orders.intake"].map(|label| match label {
        "orders.intake" => format!("topic=\"{}orders.intake\"", world.prefix),
        label => label.to_owned(),
    });
    let fault: Vec<&str> = fault.iter().map(String::as_str).collect();
    assert_eq!(metrics.get("topic_fault", &fault), Some(4.0), "{}", metrics.text);

    // By every way in: the gateway, a tool, a program that hashes over what is declared.
    for _ in 0..10 {
        let placed = world.submit(&[("LAMP", 1)]).await;
        world.await_status(placed, "confirmed").await;
    }
    let order =
        serde_json::json!({"lines": [{"sku": "LAMP", "quantity": 1}], "payment_method": "credit_card"});
    for _ in 0..10 {
        let answer = api.send(api.as_user(Method::POST, "/v1/orders").json(&order)).await;
        world.await_status(answer.order_id().into(), "confirmed").await;
    }
    let plan = tool(&folder, &world, &["topics", "plan"]).await.run().await;
    assert!(plan.out.contains("orders.intake: 6 partitions where 2 are declared"), "{plan:#?}");

    // What a stranger put into an added partition is not read, and the service says so.
    let stray = submission(&[("LAMP", 1)]);
    let event = minuet_events::Event::from(stray);
    let raw = Raw::of(&world.envelope(&event), &event.key(), world.codec.encode(&event).unwrap());
    world.topics.send_to("orders.intake", &raw, 5).await;
    says(&services[0], "records on 2 and above are not read (1 so far)").await;
}
