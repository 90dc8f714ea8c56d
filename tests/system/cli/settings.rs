//! Wrong settings end a service before it does anything: with the full name of each, and what it takes.

use minuet_tests::{Done, Folder, Minuet};

const DATABASE: &str = "postgres://minuet:geheim@127.0.0.1:1/minuet_order";

/// A service with all it needs; nothing listens where it points to.
fn service(folder: &Folder, name: &str) -> Minuet {
    let minuet = folder.minuet([name]);
    let minuet = minuet.env("MINUET_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1");
    let minuet = minuet.env("MINUET_REGISTRY__URL", "http://127.0.0.1:1");
    minuet.env("MINUET_ORDER__DATABASE_URL", DATABASE)
}

#[track_caller]
fn refused(done: &Done, said: &[&str]) {
    assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{done:#?}");
    for said in said {
        assert!(done.err.contains(said), "{said:?} in {}", done.err);
    }
    assert!(!done.err.contains("geheim"), "a password: {}", done.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_is_named_with_what_it_takes_and_how_to_give_it() {
    let folder = Folder::new();
    let done = folder.minuet(["order"]).run().await;
    refused(
        &done,
        &[
            "kafka.bootstrap.servers is missing (it takes host:port",
            "MINUET_KAFKA__BOOTSTRAP_SERVERS",
            "registry.url is missing (it takes such as http://",
            "order.database_url is missing (it takes postgres://USER:PASSWORD@HOST:PORT/DATABASE)",
            "--set order.database_url=...",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_and_a_bad_value_are_named_with_their_source() {
    let folder = Folder::new();
    let order = service(&folder, "order");
    let order = order.env("MINUET_ORDER__LISTENN", "127.0.0.1:0").env("MINUET_TOPICS__PARTITIONS", "many");
    refused(
        &order.run().await,
        &[
            "order.listenn (from MINUET_ORDER__LISTENN): no such setting; there are `listen`",
            "topics.partitions (from MINUET_TOPICS__PARTITIONS)",
            "expected a whole number",
        ],
    );

    folder.write("minuet.toml", "[order]\nbatch_size = 'large'\n[kafka]\n'linger.msec' = 5\n");
    refused(
        &service(&folder, "order").run().await,
        &["order.batch_size (from minuet.toml)", "usize", "kafka.linger.msec (from minuet.toml): no such"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_needs_exactly_one_source_of_keys() {
    let folder = Folder::new();
    let gateway = || {
        let gateway = service(&folder, "gateway").env("MINUET_GATEWAY__ORDER_URL", "http://127.0.0.1:1");
        gateway.env("MINUET_GATEWAY__INVENTORY_URL", "http://127.0.0.1:1")
    };
    let said = ["gateway.jwt_secret: exactly one of jwt_secret, jwt_public_key_file and jwks_file"];
    refused(&gateway().run().await, &said);

    let secret = "a secret that is long enough for HS256";
    let two = gateway().env("MINUET_GATEWAY__JWT_SECRET", secret).env("MINUET_GATEWAY__JWKS_FILE", "keys");
    let done = two.run().await;
    refused(&done, &["gateway.jwt_secret (from MINUET_GATEWAY__JWT_SECRET): exactly one of"]);
    assert!(!done.err.contains(secret), "{}", done.err);
}
