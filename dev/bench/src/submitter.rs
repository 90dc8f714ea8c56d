//! How an order gets in: over HTTP, or as an event.

use std::time::{Duration, Instant};

use minuet_events::Event;
use minuet_events::orders::OrderSubmitted;
use minuet_events::values::UserId;
use minuet_messaging::Publisher;
use minuet_telemetry::Sampling;
use reqwest::StatusCode;
use reqwest::header::LOCATION;
use serde_json::json;
use uuid::Uuid;

use crate::args::{Answer, Through};
use crate::catalogue::{Order, Shop, envelope, publisher};
use crate::flight::Flight;
use crate::program::Program;
use crate::servers::Servers;
use crate::{Args, BenchError};

const TOKEN: Duration = Duration::from_secs(7 * 86_400);
const ANSWER: Duration = Duration::from_secs(60);

pub(crate) enum Submitter {
    Gateway { client: reqwest::Client, url: String, tokens: Vec<String>, prefer: &'static str },
    Intake { publisher: Publisher<minuet_events::Codec>, shop: Shop, sampling: Sampling },
}

impl Submitter {
    pub(crate) fn new(
        args: &Args,
        servers: &Servers,
        program: &Program,
        shop: &Shop,
    ) -> Result<Self, BenchError> {
        match args.through {
            Through::Intake => {
                let sampling = Sampling::new(args.sampling.first().copied().unwrap_or(0.0), true);
                Ok(Submitter::Intake { publisher: publisher(servers)?, shop: shop.clone(), sampling })
            }
            Through::Gateway => {
                let url = format!("{}/v1/orders", program.gateway());
                let client = reqwest::Client::builder().timeout(ANSWER).build();
                let client = client.map_err(|source| BenchError::Gateway { url: url.clone(), source })?;
                let token = |user: &UserId| {
                    minuet_identity::development_token(&program.secret, user.as_str(), false, TOKEN)
                };
                let tokens = shop.users.iter().map(token).collect::<Result<_, _>>()?;
                let prefer = match args.answer {
                    Answer::Accepted => "respond-async",
                    Answer::Priced => "",
                    Answer::Final => "wait=30",
                };
                Ok(Submitter::Gateway { client, url, tokens, prefer })
            }
        }
    }

    /// `at`: when it was meant to be sent.
    pub(crate) async fn submit(&self, order: Order, at: Instant, flight: &Flight) -> Result<(), BenchError> {
        let Order { user, payment_method, lines } = order;
        match self {
            Submitter::Intake { publisher, shop, sampling } => {
                let order_id = Uuid::now_v7();
                flight.sent(order_id, at);
                let user_id = shop.users[user].clone();
                let event = Event::from(OrderSubmitted {
                    order_id: order_id.into(),
                    user_id,
                    payment_method,
                    lines,
                    expected_total: None,
                    payment_token: None,
                });
                let mut envelope = envelope(&event);
                if u128::from_str_radix(envelope.trace.trace_id(), 16).is_ok_and(|id| sampling.takes(id)) {
                    envelope.trace = envelope.trace.with_sampled(true);
                }
                Ok(publisher.publish(envelope, event).await?)
            }
            Submitter::Gateway { client, url, tokens, prefer } => {
                flight.requested();
                let tried = |source| BenchError::Gateway { url: url.clone(), source };
                let request = client
                    .post(url)
                    .bearer_auth(&tokens[user])
                    .header("prefer", *prefer)
                    .json(&json!({ "payment_method": payment_method, "lines": lines }));
                let answer = request.send().await.map_err(tried)?;
                let status = answer.status();
                let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                let order_id = location.and_then(|path| Uuid::parse_str(path.rsplit('/').next()?).ok());
                let body = answer.bytes().await.map_err(tried)?;
                match order_id {
                    Some(order_id) if status == StatusCode::ACCEPTED || status == StatusCode::CREATED => {
                        flight.named(order_id, at);
                        Ok(())
                    }
                    _ => {
                        let body = String::from_utf8_lossy(&body).into_owned();
                        Err(BenchError::Refused { status: status.as_u16(), body })
                    }
                }
            }
        }
    }
}
