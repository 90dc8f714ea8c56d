//! How the parts of `minuet up` find each other, and what the user is told of it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use minuet_stack::Stack;

use super::endpoints::{Endpoints, Files, UpError};
use super::running::Running;
use crate::error::CliError;
use crate::output;
use crate::settings::{Settings, Sources, Up};
use minuet_payment::provider::ProviderKind;

/// For `examples/loyalty`: the role of the services may create no database.
pub(super) const EXAMPLE_DATABASE: &str = "minuet_loyalty";
/// Of the simulated provider's hosted pages, where it is free.
const PROVIDER_PORT: u16 = 8094;

pub(super) const DATABASES: [&str; 3] = ["minuet_order", "minuet_inventory", "minuet_payment"];

/// The user's settings, and over them where this stack's servers are.
pub(super) fn settings(
    stack: &Stack,
    sources: &Sources,
    up: &Up,
    files: &Files,
    secret: &str,
) -> Result<Settings, CliError> {
    let [order, inventory, payment] = DATABASES.map(|database| stack.database_url(database));
    let gateway = SocketAddr::from((Ipv4Addr::LOCALHOST, free(up.gateway_port)?));
    let webhook_secret = files.webhook_secret()?.to_string_lossy().into_owned();
    let computed = [
        ("kafka.bootstrap.servers", stack.kafka().to_owned()),
        ("registry.url", stack.registry().to_owned()),
        ("order.database_url", order),
        ("inventory.database_url", inventory),
        ("payment.database_url", payment),
        ("order.listen", any_port()),
        ("inventory.listen", any_port()),
        ("payment.listen", any_port()),
        (
            "payment.provider.listen",
            SocketAddr::from((Ipv4Addr::LOCALHOST, free(PROVIDER_PORT)?)).to_string(),
        ),
        ("payment.provider.webhooks.url", format!("http://{gateway}/v1/providers/simulated/webhook")),
        ("payment.provider.webhooks.secret_file", webhook_secret.clone()),
        ("gateway.simulated_webhook_secrets_file", webhook_secret),
        ("gateway.listen", gateway.to_string()),
        ("gateway.jwt_secret", secret.to_owned()),
        // Known once the services listen.
        ("gateway.order_url", "http://127.0.0.1:0".to_owned()),
        ("gateway.inventory_url", "http://127.0.0.1:0".to_owned()),
    ];
    let mut sources = sources.clone();
    sources.flags.extend(computed.map(|(key, value)| ("minuet up".to_owned(), key.to_owned(), value)));
    let mut settings =
        Settings::load(&sources, &["kafka", "registry", "order", "inventory", "payment", "gateway"])?;
    if let Some(payment) = &mut settings.payment {
        payment.own.provider.ledger.get_or_insert_with(|| files.ledger());
    }
    Ok(settings)
}

fn any_port() -> String {
    "127.0.0.1:0".to_owned()
}

/// The wanted port, or any free one where it is taken.
pub(super) fn free(wanted: u16) -> Result<u16, UpError> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|source| UpError::Port { port: wanted, source })
}

pub(super) fn endpoints(
    stack: &Stack,
    topic_prefix: String,
    running: &Running,
    metrics: String,
    telemetry: Option<String>,
    provider: Option<String>,
) -> Endpoints {
    let services = ["order", "inventory", "payment"];
    Endpoints {
        gateway: running.url("gateway"),
        kafka: stack.kafka().to_owned(),
        registry: stack.registry().to_owned(),
        topic_prefix,
        databases: services.into_iter().zip(DATABASES.map(|database| stack.database_url(database))).collect(),
        services: services
            .into_iter()
            .map(|service| (service, running.url(service)))
            .collect::<BTreeMap<_, _>>(),
        metrics,
        telemetry,
        provider,
    }
}

/// The simulated provider's hosted pages. None: another provider has its own.
pub(super) fn provider(settings: &Settings) -> Option<String> {
    let provider = &settings.payment.as_ref()?.own.provider;
    let listen = provider.listen.filter(|_| provider.kind == ProviderKind::Simulated)?;
    Some(format!("http://{listen}"))
}

/// The last words before it waits: where everything is, and what to paste.
pub(super) fn tell(endpoints: &Endpoints, secret: &str, took: Duration) -> Result<(), CliError> {
    let token = minuet_identity::development_token(secret, "demo", false, Duration::from_secs(12 * 3600))?;
    let Endpoints { gateway, kafka, registry, metrics, .. } = endpoints;
    let traces = endpoints.telemetry.as_deref().unwrap_or("sent to where the settings say");
    output::print(format!(
        "
Minuet is up after {:.1} s.

  gateway   {gateway}
  kafka     {kafka}    topics: minuet topics plan; kcat -b {kafka} -L
  registry  {registry}    try {registry}/subjects
  metrics   {metrics}
  traces    {traces}
  all       .minuet/endpoints.json

Order something:

  curl -i {gateway}/v1/orders -H 'Prefer: wait=5' -H 'Content-Type: application/json' \\
    -H 'Authorization: Bearer {token}' \\
    -d '{{\"payment_method\": \"paypal\", \"lines\": [{{\"sku\": \"MUG-STONE\", \"quantity\": 2}}]}}'

Ctrl-C stops it; the data stay in .minuet/ until make clean.",
        took.as_secs_f64()
    ));
    Ok(())
}
