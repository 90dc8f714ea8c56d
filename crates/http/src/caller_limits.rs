//! How many requests one caller may send in a minute.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use parking_lot::Mutex;

use crate::problem::{Problem, ProblemType};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const MINUTE_S: u32 = 60;
/// Callers are told apart by so many places; see [`CallerLimits`].
const PLACES: u64 = 1 << 18;

/// Where the connection of a request comes from. The server of this crate sets it on each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// The limits of a server, per user and per address; each of them may be absent. A caller that has used its minute up is answered 429
/// `too-many-requests` with `Retry-After`. Each answer tells what is left in `RateLimit` and `RateLimit-Policy`
/// (draft-ietf-httpapi-ratelimit-headers-10).
///
/// Callers are counted in 262,144 places by a hash that is secret and new at each start: memory is bounded however many callers come
/// (some 8 MiB per limit), and two callers share a place only by chance. An IPv6 address counts by its first 64 bits, all of which one
/// customer has.
#[derive(Clone, Default)]
pub struct CallerLimits {
    users: Option<Arc<Limit>>,
    addresses: Option<Arc<Limit>>,
    /// Whose `X-Forwarded-For` is believed.
    trusted_proxies: Arc<[IpNet]>,
}

struct Limit {
    name: &'static str,
    per_minute: u32,
    limiter: RateLimiter<u32, HashMapStateStore<u32>, DefaultClock, StateInformationMiddleware>,
    places: RandomState,
}

impl Limit {
    fn new(name: &'static str, per_minute: NonZeroU32) -> Arc<Self> {
        let limiter = RateLimiter::hashmap(Quota::per_minute(per_minute)).with_middleware();
        Arc::new(Limit { name, per_minute: per_minute.get(), limiter, places: RandomState::new() })
    }

    fn take(&self, caller: impl Hash) -> Taken {
        // The remainder is below 2^18.
        let place = u32::try_from(self.places.hash_one(caller) % PLACES).unwrap_or_default();
        let (remaining, wait_s) = match self.limiter.check_key(&place) {
            Ok(left) => (left.remaining_burst_capacity(), None::<u64>),
            Err(until) => (0, Some(until.wait_time_from(self.limiter.clock().now()).as_secs() + 1)),
        };
        Taken { name: self.name, per_minute: self.per_minute, remaining, wait_s }
    }
}

/// A request that was counted.
#[derive(Clone, Copy, Debug)]
struct Taken {
    name: &'static str,
    per_minute: u32,
    remaining: u32,
    /// Seconds until the next request is taken. `None`: this one is.
    wait_s: Option<u64>,
}

impl Taken {
    fn problem(self) -> Option<Problem> {
        let Taken { name, per_minute, wait_s, .. } = self;
        let wait = wait_s?;
        let detail = format!("one {name} may send {per_minute} requests a minute; try again in {wait} s");
        Some(Problem::new(ProblemType::TOO_MANY_REQUESTS, detail).retry_after(wait))
    }
}

/// What was counted for one request.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<Vec<Taken>>>);

impl CallerLimits {
    /// So many requests a minute per user, and per address. Proxies in `trusted_proxies` name the client's address in
    /// `X-Forwarded-For`.
    pub fn new(
        per_user: Option<NonZeroU32>,
        per_address: Option<NonZeroU32>,
        trusted_proxies: Vec<IpNet>,
    ) -> Self {
        CallerLimits {
            users: per_user.map(|limit| Limit::new("user", limit)),
            addresses: per_address.map(|limit| Limit::new("address", limit)),
            trusted_proxies: trusted_proxies.into(),
        }
    }

    /// Applies the limit per address to each route of `router`. That per user is applied where the user becomes known:
    /// [`Guarded::caller_limits`](crate::Guarded::caller_limits).
    pub fn apply<S: Clone + Send + Sync + 'static>(self, router: Router<S>) -> Router<S> {
        if self.users.is_none() && self.addresses.is_none() {
            return router;
        }
        router.layer(middleware::from_fn_with_state(self, count))
    }

    /// Counts a request of the user.
    ///
    /// # Errors
    /// 429: the user has used the minute up.
    pub(crate) fn take_user(&self, user: &str, extensions: &axum::http::Extensions) -> Result<(), Problem> {
        let Some(limit) = &self.users else { return Ok(()) };
        let taken = limit.take(user);
        if let Some(Counted(counted)) = extensions.get() {
            counted.lock().push(taken);
        }
        taken.problem().map_or(Ok(()), Err)
    }

    /// The client's address: the last one in `X-Forwarded-For` that no trusted proxy has, or the peer's.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let is_trusted = |address: IpAddr| self.trusted_proxies.iter().any(|net| net.contains(&address));
        let peer = peer.to_canonical();
        if !is_trusted(peer) {
            return peer;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
        let named: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        for address in named.into_iter().rev() {
            match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
                Ok(address) if is_trusted(address) => {}
                Ok(address) => return address,
                Err(_) => break,
            }
        }
        peer
    }
}

/// What counts as one caller of an address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

async fn count(State(limits): State<CallerLimits>, mut request: Request, next: Next) -> Response {
    let counted = Counted::default();
    let peer = request.extensions().get::<PeerAddress>().copied();
    let of_address = match (&limits.addresses, peer) {
        (Some(limit), Some(PeerAddress(peer))) => {
            Some(limit.take(network(limits.client(peer, request.headers()))))
        }
        _ => None,
    };
    counted.0.lock().extend(of_address);
    let mut response = match of_address.and_then(Taken::problem) {
        Some(refused) => refused.into_response(),
        None => {
            request.extensions_mut().insert(counted.clone());
            next.run(request).await
        }
    };
    for Taken { name, per_minute, remaining, .. } in counted.0.lock().iter() {
        let texts = [
            (POLICY, format!("\"{name}\";q={per_minute};w={MINUTE_S}")),
            (LIMIT, format!("\"{name}\";r={remaining}")),
        ];
        for (header, text) in texts {
            // Names and numbers fit a header.
            if let Ok(value) = HeaderValue::try_from(text) {
                response.headers_mut().append(header, value);
            }
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower_service::Service;

    use super::*;

    fn limit(number: u32) -> Option<NonZeroU32> {
        NonZeroU32::new(number)
    }

    async fn ask(router: &mut Router, peer: &str, forwarded: &str) -> Response {
        let mut request = Request::get("/").body(Body::empty()).unwrap();
        request.extensions_mut().insert(PeerAddress(peer.parse().unwrap()));
        if !forwarded.is_empty() {
            request.headers_mut().insert(FORWARDED_FOR, forwarded.parse().unwrap());
        }
        router.call(request).await.unwrap()
    }

    fn router(limits: CallerLimits) -> Router {
        limits.apply(Router::new().route("/", get(|| async {})))
    }

    #[tokio::test]
    async fn an_address_that_has_used_its_minute_up_is_told_when_to_come_back() {
        let mut router = router(CallerLimits::new(None, limit(2), vec![]));
        let first = ask(&mut router, "192.0.2.1", "").await;
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[POLICY], "\"address\";q=2;w=60");
        assert_eq!(first.headers()[LIMIT], "\"address\";r=1");
        ask(&mut router, "192.0.2.1", "").await;
        let refused = ask(&mut router, "192.0.2.1", "").await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=31).contains(&wait), "{wait}");
        assert_eq!(ask(&mut router, "192.0.2.2", "").await.status(), StatusCode::OK);
    }

    #[test]
    fn only_a_trusted_proxy_names_the_client() {
        let limits = CallerLimits::new(None, limit(1), vec!["10.0.0.0/8".parse().unwrap()]);
        let client = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            forwarded.iter().for_each(|line| {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            });
            limits.client(peer.parse().unwrap(), &headers).to_string()
        };
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "a stranger says what it likes");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            client("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]),
            "198.51.100.7",
            "the first one is forged"
        );
        assert_eq!(client("10.0.0.1", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn a_customers_ipv6_addresses_are_one_caller() {
        let of = |address: &str| network(address.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }

    #[test]
    fn memory_is_bounded_however_many_callers_come() {
        let limit = Limit::new("user", NonZeroU32::new(10).unwrap());
        (0..600_000).for_each(|caller| {
            limit.take(caller);
        });
        assert!(limit.limiter.len() as u64 <= PLACES);
    }
}
