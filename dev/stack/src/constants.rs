//! What the local stack and `docker-compose.yml` have in common. A test holds the file against this module, so a
//! version or a setting is changed here and there, or nowhere.

/// Apache Kafka, as Maven artifact and as image.
pub const KAFKA_VERSION: &str = "4.4.0";
/// The logging implementation beside Kafka; the image brings its own.
pub const LOG4J_VERSION: &str = "2.24.3";
/// Apicurio Registry, as Maven artifact and as image.
pub const REGISTRY_VERSION: &str = "3.3.3";
/// The major version of PostgreSQL in the image. Locally any server from [`OLDEST_POSTGRES`] on will do.
pub const POSTGRES_VERSION: &str = "15";
pub const OLDEST_POSTGRES: u32 = 15;
/// Apicurio Registry 3.3 is compiled for this release of Java.
pub const OLDEST_JAVA: u32 = 21;

pub const KAFKA_IMAGE: &str = "apache/kafka";
pub const REGISTRY_IMAGE: &str = "apicurio/apicurio-registry";
pub const POSTGRES_IMAGE: &str = "postgres";

/// The ports that `make up` prefers and that the containers publish on 127.0.0.1.
pub const GATEWAY_PORT: u16 = 8080;
pub const KAFKA_PORT: u16 = 9092;
pub const REGISTRY_PORT: u16 = 8081;
pub const POSTGRES_PORT: u16 = 5433;

/// Where a server listens inside its container.
pub const REGISTRY_CONTAINER_PORT: u16 = 8080;
pub const POSTGRES_CONTAINER_PORT: u16 = 5432;

/// The Confluent API of the registry, below its address.
pub const REGISTRY_PATH: &str = "/apis/ccompat/v7";

/// The role that owns every database of Minuet; no superuser.
pub const ROLE: &str = "minuet";
pub const REGISTRY_DATABASE: &str = "minuet_registry";
pub const SERVICE_DATABASES: [&str; 3] = ["minuet_order", "minuet_inventory", "minuet_payment"];

/// One local cluster has one name, so that a formatted log folder fits the next start.
pub const KAFKA_CLUSTER_ID: &str = "MinuetLocalStack000001";

/// Settings of the broker that the programs rely on, wherever it runs. Addresses and folders come on top.
pub const BROKER_SETTINGS: &[(&str, &str)] = &[
    ("process.roles", "broker,controller"),
    ("node.id", "1"),
    ("controller.listener.names", "CONTROLLER"),
    // Topics come from topics.yaml: a misspelt name is an error, not a new topic.
    ("auto.create.topics.enable", "false"),
    // One broker: what Kafka keeps for itself has one copy, and few partitions, each of which costs files.
    ("offsets.topic.replication.factor", "1"),
    ("offsets.topic.num.partitions", "4"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("transaction.state.log.num.partitions", "2"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("share.coordinator.state.topic.num.partitions", "2"),
    // A first consumer starts at once instead of waiting for others to join.
    ("group.initial.rebalance.delay.ms", "0"),
    // A dead instance's partitions move within ten seconds: clients of the KIP-848 protocol take the broker's
    // session timeout, whose default and lower bound is 45 s.
    ("group.consumer.session.timeout.ms", "6000"),
    ("group.consumer.min.session.timeout.ms", "6000"),
    ("group.consumer.heartbeat.interval.ms", "2000"),
    ("group.consumer.min.heartbeat.interval.ms", "1000"),
    // Compacted topics are small here; the default reserves 128 MiB of heap.
    ("log.cleaner.dedupe.buffer.size", "33554432"),
];

/// Settings of PostgreSQL wherever it runs: those of the reference workload, and room for tests in parallel.
pub const POSTGRES_SETTINGS: &[(&str, &str)] = &[
    ("max_connections", "200"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
    ("password_encryption", "scram-sha-256"),
    ("timezone", "UTC"),
];

/// Settings of the registry wherever it runs. Its database and ports come on top.
pub const REGISTRY_SETTINGS: &[(&str, &str)] = &[
    // In memory, ids would change at a restart, and old events could not be read any more.
    ("APICURIO_STORAGE_KIND", "sql"),
    ("APICURIO_STORAGE_SQL_KIND", "postgresql"),
    // Its default of 20 idle connections is a tenth of all that PostgreSQL gives.
    ("APICURIO_DATASOURCE_JDBC_INITIAL_SIZE", "2"),
    ("APICURIO_DATASOURCE_JDBC_MIN_SIZE", "2"),
    ("APICURIO_DATASOURCE_JDBC_MAX_SIZE", "10"),
];
