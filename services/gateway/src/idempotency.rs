//! The same key again means the same request again, at any instance and without a store: ids are derived from user, path
//! and key.

use axum::http::HeaderMap;
use minuet_events::ids;
use minuet_events::values::{AdjustmentId, OrderId, UserId};
use minuet_http::{Problem, ProblemType};
use uuid::Uuid;

use crate::problems;

const HEADER: &str = "idempotency-key";
const MAX_KEY_BYTES: usize = 255;

/// 1 to 255 visible ASCII characters, taken as they stand.
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    pub(crate) fn read(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut given = headers.get_all(HEADER).iter();
        let key = match (given.next(), given.next()) {
            (None, _) => return Ok(None),
            (Some(only), None) => only.to_str().ok(),
            (Some(_), Some(_)) => None,
        };
        let fits = |key: &&str| {
            (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
        };
        match key.filter(fits) {
            Some(key) => Ok(Some(IdempotencyKey(key.to_owned()))),
            None => Err(Problem::new(
                ProblemType::INVALID_HEADER,
                "idempotency-key takes one value of 1 to 255 visible characters",
            )),
        }
    }

    pub(crate) fn order_id(&self, user: &UserId) -> OrderId {
        ids::order_id_for_key(user, &self.0)
    }

    pub(crate) fn adjustment_id(&self, user: &UserId) -> AdjustmentId {
        ids::adjustment_id_for_key(user, &self.0)
    }

    /// Of a request of that kind about the order.
    pub(crate) fn request_id(&self, kind: &str, user: &UserId, order_id: OrderId) -> Uuid {
        ids::request_id_for_key(kind, user, order_id, &self.0)
    }

    /// The id that release 0.1 gave the request.
    pub(crate) fn earlier_request_id(&self, kind: &str, user: &UserId) -> Uuid {
        ids::earlier_request_id_for_key(kind, user, &self.0)
    }
}

pub(crate) fn reused(detail: &'static str) -> Problem {
    Problem::new(problems::IDEMPOTENCY_KEY_REUSED, detail)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<IdempotencyKey>, Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        IdempotencyKey::read(&headers)
    }

    #[test]
    fn takes_one_to_255_visible_characters_once() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[b"a"]).unwrap().is_some());
        assert!(read(&[&[b'k'; 255]]).unwrap().is_some());
        let wrong: [&[&[u8]]; 6] = [
            &[b""],
            &[&[b'k'; 256]],
            &[b"two words"],
            &[b"tab\there"],
            &["schlüssel".as_bytes()],
            &[b"a", b"a"],
        ];
        for values in wrong {
            assert_eq!(
                read(values).err().map(|problem| problem.problem_type()),
                Some(ProblemType::INVALID_HEADER),
                "{values:?}"
            );
        }
    }

    #[test]
    fn ids_depend_on_user_key_kind_and_order() {
        let (anna, ben) = (UserId::parse("anna").unwrap(), UserId::parse("ben").unwrap());
        let key = read(&[b"k1"]).unwrap().unwrap();
        let other = read(&[b"k2"]).unwrap().unwrap();
        assert_eq!(key.adjustment_id(&anna), key.adjustment_id(&anna));
        assert_ne!(key.adjustment_id(&anna), key.adjustment_id(&ben));
        assert_ne!(key.adjustment_id(&anna), other.adjustment_id(&anna));
        assert_ne!(key.adjustment_id(&anna).as_uuid(), key.order_id(&anna).as_uuid());
        assert_eq!(key.adjustment_id(&anna).as_uuid().get_version_num(), 8);
        let [one, two] = [1, 2].map(|n| OrderId::new(Uuid::from_u128(n)));
        let refund = key.request_id("refund", &anna, one);
        assert_eq!(refund, key.request_id("refund", &anna, one));
        let others = [
            key.request_id("refund", &anna, two),
            key.request_id("refund", &ben, one),
            key.request_id("cancellation", &anna, one),
            other.request_id("refund", &anna, one),
            key.earlier_request_id("refund", &anna),
        ];
        assert!(!others.contains(&refund), "{others:?}");
    }
}
