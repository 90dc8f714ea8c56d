//! A world's services as processes of their own, told by the environment.

use serde_json::Value;

use crate::metrics::Metrics;
use crate::program::{Folder, Minuet, Process};
use crate::world::World;

impl World {
    /// Any command of the program, for this world.
    pub fn minuet(&self, folder: &Folder, arguments: &[&str]) -> Minuet {
        let mut minuet = folder
            .minuet(arguments)
            .env("MINUET_KAFKA__BOOTSTRAP_SERVERS", self.settings("order").kafka["bootstrap.servers"].clone())
            .env("MINUET_REGISTRY__URL", self.registry())
            .env("MINUET_TOPIC_PREFIX", &self.prefix)
            .env("MINUET_TOPICS__PARTITIONS", self.options.partitions.to_string())
            .env("MINUET_TOPICS__REPLICATION", self.options.replication.to_string());
        for service in self.pools().keys() {
            let variable = format!("MINUET_{}__DATABASE_URL", service.to_uppercase());
            minuet = minuet.env(&variable, self.settings(service).database_url);
        }
        minuet
    }

    /// One of the services or the gateway, which listens where it likes.
    pub fn process(&self, folder: &Folder, service: &str) -> Minuet {
        let listen = format!("MINUET_{}__LISTEN", service.to_uppercase());
        self.minuet(folder, &[service]).env(&listen, "127.0.0.1:0")
    }
}

impl Process {
    /// Where it listens: it says so once it does.
    pub async fn url(&self) -> String {
        let log = self.logs("\"service listens\"").await;
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut listening = events.filter(|event| event["message"] == "service listens");
        format!("http://{}", listening.next().unwrap()["address"].as_str().unwrap())
    }

    /// What Prometheus would read.
    pub async fn metrics(&self) -> Metrics {
        let answer = reqwest::get(format!("{}/metrics", self.url().await)).await.unwrap();
        Metrics::parse(&answer.text().await.unwrap())
    }
}
