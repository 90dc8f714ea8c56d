//! How every run has to end.

use std::collections::BTreeMap;

use minuet_events::values::{Amount, OrderId};
use minuet_payment::provider::Entry;
use minuet_tests::{assert_books_balance, until};
use uuid::Uuid;

use super::shop::Shop;

/// Waits until nothing moves any more; then holds everything against everything else.
pub(super) async fn at_rest(shop: &Shop, acknowledged: &[OrderId]) {
    none_is_lost(shop, acknowledged).await;
    assert_books_balance(&shop.world).await;
    provider(shop).await;
    // The topics: dense sequences, no key out of order, nothing parked, nothing owed; and the databases agree.
    let audit = shop.audit(&["verify", "--against-databases"]).await;
    assert_eq!(audit.code, Some(0), "{}\n{}", audit.out, audit.err);
}

async fn none_is_lost(shop: &Shop, acknowledged: &[OrderId]) {
    let ids: Vec<Uuid> = acknowledged.iter().map(|order| order.as_uuid()).collect();
    until("every acknowledged order is at its end", || async {
        let open: Vec<(Uuid, Option<String>)> = sqlx::query_as(
            "select id, status::text from unnest($1::uuid[]) asked (id) left join orders using (id)
             where status is null or status in ('pending', 'paid')",
        )
        .bind(&ids)
        .fetch_all(shop.world.pool("order"))
        .await
        .unwrap();
        if open.is_empty() { Ok(()) } else { Err(open) }
    })
    .await;
}

/// The provider's own books: what it captured and gave back is what we believe, each at most once.
async fn provider(shop: &Shop) {
    let ledger = std::fs::read_to_string(shop.ledger()).unwrap();
    let (mut captured, mut refunded) = (BTreeMap::new(), BTreeMap::new());
    for line in ledger.lines() {
        let (kind, payment, amount) = match serde_json::from_str(line).unwrap() {
            Entry::Captured { payment_id, amount, .. } => (&mut captured, payment_id, amount),
            Entry::Refunded { payment_id, amount, .. } => (&mut refunded, payment_id, amount),
            Entry::Declined { .. }
            | Entry::RefundPending { .. }
            | Entry::RefundFailed { .. }
            | Entry::Disputed { .. } => continue,
        };
        let before = kind.insert(payment.as_uuid(), amount);
        assert_eq!(before, None, "twice: {line}");
    }
    let believed: Vec<(Uuid, String, String)> = sqlx::query_as(
        "select id, status::text, amount::text from payments where status in ('success', 'refunded')",
    )
    .fetch_all(shop.world.pool("payment"))
    .await
    .unwrap();
    let of = |statuses: &[&str]| -> BTreeMap<Uuid, Amount> {
        let rows = believed.iter().filter(|(_, status, _)| statuses.contains(&status.as_str()));
        rows.map(|(id, _, amount)| (*id, Amount::parse(amount).unwrap())).collect()
    };
    assert_eq!(captured, of(&["success", "refunded"]), "what was captured");
    assert_eq!(refunded, of(&["refunded"]), "what was given back");
}
