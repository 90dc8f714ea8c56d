//! What was parked and is redriven goes on in its trace.

use minuet_traces::{Span, Tree};

use super::hold;
use super::installation::Installation;

/// Whatever changes an order violates a constraint from now on.
const POISON: &str = "create function poison() returns trigger language plpgsql as $$ begin
        raise exception 'poisoned' using errcode = '23514'; end $$;
     create trigger poison before update on orders for each row execute function poison()";
const CURE: &str = "drop trigger poison on orders; drop function poison()";
const REDRIVE: &str = "update dead_letters set redrive = true";

async fn execute(shop: &Installation, sql: &'static str) {
    sqlx::raw_sql(sql).execute(shop.world.pool("order")).await.unwrap();
}

/// Redriven in vain once, and then well: each time a span of its own, with how long it lay.
#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_event_goes_on_in_its_trace_and_shows_its_wait() {
    let shop = Installation::start("grpc", &[]).await;
    execute(&shop, POISON).await;
    let order = shop.order(&[("TEA-1", 2)]).await;
    shop.world.await_number("order", "select count(*) from dead_letters", 2).await;
    execute(&shop, REDRIVE).await;
    shop.world.await_number("order", "select count(*) from dead_letters where attempts > 3", 2).await;
    execute(&shop, CURE).await;
    execute(&shop, REDRIVE).await;
    shop.world.await_status(order.parse().unwrap(), "confirmed").await;

    let processed = ["process inventory.events", "process payments.events"];
    let lines = processed.map(|name| format!("{name} CONSUMER order [batch] [parked]"));
    let tree = shop.tree_with(&order, &[&lines[0], &lines[1]]).await;
    hold(&tree, &order);
    for name in processed {
        let [parked, in_vain, well] = of_order(&tree, name)[..] else { panic!("{name}: {tree}") };
        assert_eq!(outcome(parked), (Some("parked"), true), "{parked:#?}");
        assert_eq!(outcome(in_vain), (Some("parked"), true), "{in_vain:#?}");
        assert_eq!(outcome(well), (Some("applied"), false), "{well:#?}");
        let mut lay = 0;
        for again in [in_vain, well] {
            let to =
                again.links.iter().find(|(.., why)| why == "parked").expect("a link to when it was parked");
            assert_eq!((&to.0, &to.1), (&parked.trace_id, &parked.span_id), "{tree}");
            assert_eq!(again.parent_id, parked.parent_id, "{tree}");
            let waited: i64 = again.attribute("minuet.parked.wait_ms").expect("a wait").parse().unwrap();
            assert!((lay..600_000).contains(&waited), "{waited} after {lay}");
            lay = waited;
        }
        let under = |parent: &Span| {
            let children = tree.rows.iter().filter(|(_, span)| span.parent_id == parent.span_id);
            children.map(|(_, span)| span.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(under(well), ["order.update_status"], "{tree}");
        assert!(under(parked).is_empty() && under(in_vain).is_empty(), "{tree}");
    }
    shop.stop().await;
}

/// Killed between a redrive's commit and its report: the next life publishes what the redrive caused, and tells its step under
/// the span in which the event was parked.
#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_whose_service_was_killed_leaves_no_orphan() {
    let shop = Installation::start("grpc", &[("MINUET_FAULT_ARMED", "armed")]).await;
    execute(&shop, POISON).await;
    let order = shop.order(&[("TEA-1", 2)]).await;
    shop.world.await_number("order", "select count(*) from dead_letters", 2).await;
    let shop = shop.with_fault("order", "after_commit:2").await;
    execute(&shop, CURE).await;
    // Two redrives. The second one confirms the order, and emits an event.
    execute(&shop, REDRIVE).await;
    let shop = shop.restarted("order").await;
    shop.world.await_status(order.parse().unwrap(), "confirmed").await;
    let tree = shop.tree_with(&order, &["send orders.events PRODUCER order [relay]"]).await;
    hold(&tree, &order);
    let spans = || tree.rows.iter().map(|(_, span)| span);
    let recovered: Vec<&Span> = spans().filter(|span| span.attribute("minuet.recovered").is_some()).collect();
    let [step] = recovered[..] else { panic!("{tree}") };
    let above = spans().find(|span| span.span_id == step.parent_id);
    assert_eq!(outcome(above.expect("no orphan")), (Some("parked"), true), "{tree}");
    shop.stop().await;
}

/// By the time at which they began.
fn of_order<'a>(tree: &'a Tree, name: &str) -> Vec<&'a Span> {
    let spans = tree.rows.iter().map(|(_, span)| span);
    spans.filter(|span| span.name == name && span.service == "minuet-order").collect()
}

fn outcome(span: &Span) -> (Option<&str>, bool) {
    (span.attribute("minuet.outcome"), span.error.is_some())
}
