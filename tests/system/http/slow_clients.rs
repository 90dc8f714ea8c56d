//! Clients that begin requests and do not end them: they hurt nobody else.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use minuet_tests::{Api, Folder, Process, SERVICES, World, assert_books_balance, until};
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::order;
use crate::chaos::shop::free_port;

const SECRET: &str = "a secret of the slow clients' test, long enough for HS256";
/// The program may open so many files. The issue is the same with 1,024, which a test may not have itself.
const OPEN_FILES: u32 = 320;
const SLOW_CLIENTS: usize = 400;
/// Far more than any of the requests takes.
const SOON: Duration = Duration::from_secs(10);

/// All four services in one process.
struct Shop {
    process: Process,
    world: World,
    ports: [(&'static str, u16); 4],
    _folder: Folder,
}

impl Shop {
    async fn open() -> Shop {
        let (world, folder) = (World::new().await, Folder::new());
        let ports = ["order", "inventory", "payment", "gateway"].map(|name| (name, free_port()));
        let url = |wanted| {
            let port = ports.iter().find(|(name, _)| *name == wanted).unwrap().1;
            format!("http://127.0.0.1:{port}")
        };
        let mut program = world
            .minuet(&folder, &["services"])
            .env("MINUET_GATEWAY__JWT_SECRET", SECRET)
            .env("MINUET_GATEWAY__ORDER_URL", url("order"))
            .env("MINUET_GATEWAY__INVENTORY_URL", url("inventory"))
            .env("MINUET_GATEWAY__HEADER_TIMEOUT_MS", "3000")
            .env("MINUET_GATEWAY__IDLE_TIMEOUT_MS", "3000")
            .env("MINUET_GATEWAY__BODY_TIMEOUT_MS", "3000")
            .env("MINUET_PAYMENT__PROVIDER__SUCCESS_RATE", "1.0");
        for (name, port) in ports {
            program =
                program.env(&format!("MINUET_{}__LISTEN", name.to_uppercase()), format!("127.0.0.1:{port}"));
        }
        let process = program.open_files(OPEN_FILES).start();
        let shop = Shop { process, world, ports, _folder: folder };
        for (name, _) in shop.ports {
            until(&format!("{name} is ready"), || async {
                let answer = reqwest::get(format!("http://{}/readyz", shop.address(name))).await;
                match answer {
                    Ok(answer) if answer.status().is_success() => Ok(()),
                    other => Err((format!("{other:?}"), shop.process.log())),
                }
            })
            .await;
        }
        shop
    }

    fn address(&self, name: &str) -> SocketAddr {
        let port = self.ports.iter().find(|(known, _)| *known == name).unwrap().1;
        (Ipv4Addr::LOCALHOST, port).into()
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.pid)).unwrap().count()
    }

    /// Health of each service, and an order to its end, each soon.
    async fn serves(&self, while_: &str) {
        for (name, _) in self.ports {
            let asked = reqwest::get(format!("http://{}/readyz", self.address(name)));
            let answer = tokio::time::timeout(SOON, asked).await;
            let answer = answer.unwrap_or_else(|_| panic!("{name} does not answer while {while_}")).unwrap();
            assert_eq!(answer.status(), 200, "{name} while {while_}");
        }
        let api = Api::new(self.address("gateway"), SECRET);
        let placed = api.as_user(Method::POST, "/v1/orders").header("prefer", "wait=8");
        let placed = tokio::time::timeout(SOON, api.send(placed.json(&order(&[("LAMP", 1)])))).await;
        let placed = placed.unwrap_or_else(|_| panic!("no order is taken while {while_}"));
        assert_eq!(
            (placed.status.as_u16(), &placed.body["status"]),
            (201, &json!("confirmed")),
            "{placed:?}"
        );
    }
}

/// Connections that send nothing, half of the headers, and half of a body.
async fn slow_clients(address: SocketAddr, token: &str) -> Vec<TcpStream> {
    let parts = [
        String::new(),
        "POST /v1/orders HTTP/1.1\r\nhost: minuet\r\nauthor".to_owned(),
        format!(
            "POST /v1/orders HTTP/1.1\r\nhost: minuet\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
        ),
    ];
    let mut clients = Vec::with_capacity(SLOW_CLIENTS);
    for number in 0..SLOW_CLIENTS {
        let connected = tokio::time::timeout(SOON, TcpStream::connect(address)).await;
        let Ok(Ok(mut client)) = connected else { continue };
        // The server may have closed it for the next one.
        drop(client.write_all(parts[number % parts.len()].as_bytes()).await);
        clients.push(client);
    }
    clients
}

#[tokio::test(flavor = "multi_thread")]
async fn more_half_sent_requests_than_a_process_may_open_files_hurt_nobody() {
    let shop = Shop::open().await;
    shop.world.product("LAMP", "20.00", &[("BER", 100)]).await;
    shop.serves("nobody is slow").await;
    let before = shop.open_files();

    let api = Api::new(shop.address("gateway"), SECRET);
    let token = api.token("slow", false);
    let clients = slow_clients(shop.address("gateway"), &token).await;
    for _ in 0..3 {
        shop.serves("the gateway's clients are slow").await;
    }
    // The private addresses too.
    for service in SERVICES {
        let _more = slow_clients(shop.address(service), &token).await;
        shop.serves("a service's clients are slow").await;
    }
    // They are still there, and the gateway has let go of them.
    until("the slow clients' connections are closed", || async {
        let now = shop.open_files();
        if now < before + 40 { Ok(()) } else { Err((before, now)) }
    })
    .await;
    assert!(clients.len() > 100);
    shop.serves("they are gone").await;
    assert_books_balance(&shop.world).await;
}
