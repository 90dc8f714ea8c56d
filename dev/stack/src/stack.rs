use std::time::Duration;

use tokio::sync::oneshot;

use crate::constants::{REGISTRY_DATABASE, REGISTRY_PATH, ROLE};
use crate::error::StackError;
use crate::java::{self, Places};
use crate::kafka::Kafka;
use crate::log::Log;
use crate::parts::Parts;
use crate::ports::{self, Chosen};
use crate::postgres::Postgres;
use crate::progress::Reporter;
use crate::registry::Registry;
use crate::root::Root;
use crate::server::Slot;
use crate::{Part, Progress, StackOptions, State};

/// How often it is looked whether each still lives: a person waits for the news.
const LOOK: Duration = Duration::from_millis(200);

/// The running servers. Dropping it stops them too, but does not wait for that.
#[derive(Debug)]
pub struct Stack {
    // Dropped in this order, so that the root is given back last.
    registry: Option<Slot<Registry>>,
    kafka: Option<Slot<Kafka>>,
    postgres: Option<Slot<Postgres>>,
    addresses: Addresses,
    options: StackOptions,
    root: Root,
}

#[derive(Debug)]
struct Addresses {
    kafka: String,
    registry: String,
    postgres_port: u16,
}

impl Stack {
    /// Starts the servers, at the same time where possible, and comes back when each of them answers.
    ///
    /// After an error, whatever had started stops in the background; a next start on the same root waits for it.
    pub async fn start(options: StackOptions, report: impl FnMut(Progress)) -> Result<Self, StackError> {
        let reporter = Reporter::new(report);
        let wants = |part| options.parts.contains(&part);
        if wants(Part::Registry) && !wants(Part::Postgres) {
            return Err(StackError::RegistryWithoutPostgres);
        }
        let java = if wants(Part::Kafka) || wants(Part::Registry) {
            Some(java::newest(&Places::here())?)
        } else {
            None
        };
        let root = Root::acquire(&options.root, options.patience, options.ephemeral).await?;
        // Ports are free only after those who used them are gone.
        let logs = Logs::acquire(&root, &options, &reporter).await?;
        let chosen = [options.ports.postgres, options.ports.kafka, options.ports.registry, 0, 0];
        let chosen: Vec<Chosen> = chosen.into_iter().map(ports::choose).collect::<Result<_, _>>()?;
        let [postgres_port, kafka_port, registry_port, controller_port, management_port] =
            std::array::from_fn(|index| chosen[index].port);
        drop(chosen);

        let parts = Parts::here();
        let mut stack = Self {
            registry: None,
            kafka: None,
            postgres: None,
            addresses: Addresses {
                kafka: format!("127.0.0.1:{kafka_port}"),
                registry: format!("http://127.0.0.1:{registry_port}{REGISTRY_PATH}"),
                postgres_port,
            },
            options,
            root,
        };
        let (root, options) = (&stack.root, &stack.options);
        if logs.postgres.is_some() {
            stack.postgres = Some(Slot::new(Postgres::new(root, options, postgres_port)?));
        }
        if let (Some(java), Some(_)) = (&java, &logs.kafka) {
            stack.kafka = Some(Slot::new(Kafka {
                java: java.clone(),
                jars: parts.kafka.clone(),
                folder: root.path.join("kafka"),
                port: kafka_port,
                controller_port,
                heap: options.kafka_heap,
                quick_java: options.quick_java,
                settings: options.kafka_settings.clone(),
                start_timeout: options.start_timeout,
            }));
        }
        if let (Some(java), Some(postgres), Some(_)) = (&java, &stack.postgres, &logs.registry) {
            stack.registry = Some(Slot::new(Registry {
                java: java.clone(),
                application: parts.registry.clone(),
                folder: root.path.join("registry"),
                port: registry_port,
                management_port,
                postgres_port,
                password: postgres.server.password.clone(),
                heap: options.registry_heap,
                start_timeout: options.start_timeout,
            }));
        }
        stack.start_all(logs, &parts, &reporter).await?;
        Ok(stack)
    }

    async fn start_all<F: FnMut(Progress)>(
        &self,
        logs: Logs,
        parts: &Parts,
        reporter: &Reporter<F>,
    ) -> Result<(), StackError> {
        let (database_ready, database) = oneshot::channel();
        let postgres = async {
            if let (Some(postgres), Some(log)) = (&self.postgres, logs.postgres) {
                postgres.start(log, |state| reporter.enter(Part::Postgres, state)).await?;
                if self.registry.is_some() {
                    postgres.server.create_database(REGISTRY_DATABASE).await?;
                }
            }
            // The other end is gone when the registry is not wanted.
            database_ready.send(()).or(Ok(()))
        };
        let kafka = async {
            match (&self.kafka, logs.kafka) {
                (Some(kafka), Some(log)) => {
                    kafka.start(log, |state| reporter.enter(Part::Kafka, state)).await
                }
                _ => Ok(()),
            }
        };
        let registry = async {
            let (Some(registry), Some(log)) = (&self.registry, logs.registry) else { return Ok(()) };
            // Without a database there was an error, and that is the one to show.
            match database.await {
                Ok(()) => registry.start(log, |state| reporter.enter(Part::Registry, state)).await,
                Err(_) => Ok(()),
            }
        };
        let java = async {
            if self.kafka.is_some() || self.registry.is_some() {
                let enter = |state| {
                    reporter.enter(Part::Kafka, state);
                    reporter.enter(Part::Registry, state);
                };
                parts.provide(enter).await?;
            }
            tokio::try_join!(kafka, registry)
        };
        tokio::try_join!(postgres, java).map(|_| ())
    }

    /// `host:port` for `bootstrap.servers`.
    pub fn kafka(&self) -> &str {
        &self.addresses.kafka
    }

    /// The base of the registry's Confluent API.
    pub fn registry(&self) -> &str {
        &self.addresses.registry
    }

    /// A libpq URL, password included: nothing for a log.
    pub fn database_url(&self, name: &str) -> String {
        let port = self.addresses.postgres_port;
        let password = self.postgres.as_ref().map_or("", |postgres| &postgres.server.password);
        format!("postgres://{ROLE}:{password}@127.0.0.1:{port}/{name}")
    }

    /// Creates a database that belongs to the role `minuet`, unless it is there already.
    pub async fn create_database(&self, name: &str) -> Result<(), StackError> {
        self.database_server()?.create_database(name).await
    }

    /// Copies a database as it is, under a new name: a backup. Ends the connections to it first.
    pub async fn copy_database(&self, from: &str, to: &str) -> Result<(), StackError> {
        self.database_server()?.copy_database(from, to).await
    }

    /// Removes a database, with those who are connected to it, if it is there.
    pub async fn drop_database(&self, name: &str) -> Result<(), StackError> {
        self.database_server()?.drop_database(name).await
    }

    /// Changes a setting of PostgreSQL that takes no restart, for every session, open ones too.
    pub async fn set_postgres(&self, name: &str, value: &str) -> Result<(), StackError> {
        self.database_server()?.set(name, value).await
    }

    fn database_server(&self) -> Result<&Postgres, StackError> {
        let postgres = self.postgres.as_ref().ok_or(StackError::NotRunning { part: Part::Postgres })?;
        Ok(&postgres.server)
    }

    /// Stops one server in an orderly way; [`restart`](Self::restart) brings it back.
    pub async fn stop_part(&self, part: Part) -> Result<(), StackError> {
        match part {
            Part::Postgres => slot(self.postgres.as_ref(), part)?.stop().await,
            Part::Kafka => slot(self.kafka.as_ref(), part)?.stop().await,
            Part::Registry => slot(self.registry.as_ref(), part)?.stop().await,
        }
    }

    /// Kills one server (SIGKILL), as a crash would.
    pub async fn kill(&self, part: Part) -> Result<(), StackError> {
        match part {
            Part::Postgres => slot(self.postgres.as_ref(), part)?.kill().await,
            Part::Kafka => slot(self.kafka.as_ref(), part)?.kill().await,
            Part::Registry => slot(self.registry.as_ref(), part)?.kill().await,
        }
    }

    /// Sends a signal to one server, named without `SIG`: `STOP` and `CONT` make one that hangs.
    pub async fn signal(&self, part: Part, name: &str) -> Result<(), StackError> {
        match part {
            Part::Postgres => slot(self.postgres.as_ref(), part)?.signal(name).await,
            Part::Kafka => slot(self.kafka.as_ref(), part)?.signal(name).await,
            Part::Registry => slot(self.registry.as_ref(), part)?.signal(name).await,
        }
    }

    /// Starts one server again, on the same port and the same data, stopping it first if it runs.
    pub async fn restart(&self, part: Part) -> Result<(), StackError> {
        let (root, options) = (&self.root, &self.options);
        match part {
            Part::Postgres => slot(self.postgres.as_ref(), part)?.restart(root, options).await,
            Part::Kafka => slot(self.kafka.as_ref(), part)?.restart(root, options).await,
            Part::Registry => slot(self.registry.as_ref(), part)?.restart(root, options).await,
        }
    }

    /// Comes back with an error once a server has ended by itself.
    pub async fn lost(&self) -> StackError {
        loop {
            if let Err(lost) = self.check().await {
                return lost;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn check(&self) -> Result<(), StackError> {
        if let Some(postgres) = &self.postgres {
            postgres.check().await?;
        }
        if let Some(kafka) = &self.kafka {
            kafka.check().await?;
        }
        match &self.registry {
            Some(registry) => registry.check().await,
            None => Ok(()),
        }
    }

    /// Stops everything, those first that others do not need. All are asked, also after an error.
    pub async fn stop(self) -> Result<(), StackError> {
        let mut stopped = Ok(());
        if let Some(registry) = &self.registry {
            stopped = stopped.and(registry.ensure_stopped().await);
        }
        if let Some(kafka) = &self.kafka {
            stopped = stopped.and(kafka.ensure_stopped().await);
        }
        if let Some(postgres) = &self.postgres {
            stopped = stopped.and(postgres.ensure_stopped().await);
        }
        stopped.and(self.root.release().await)
    }
}

fn slot<S>(slot: Option<&Slot<S>>, part: Part) -> Result<&Slot<S>, StackError> {
    slot.ok_or(StackError::NotRunning { part })
}

/// The logs of the wanted servers, locked.
struct Logs {
    postgres: Option<Log>,
    kafka: Option<Log>,
    registry: Option<Log>,
}

impl Logs {
    async fn acquire<F: FnMut(Progress)>(
        root: &Root,
        options: &StackOptions,
        reporter: &Reporter<F>,
    ) -> Result<Self, StackError> {
        let log = async |part| {
            if !options.parts.contains(&part) {
                return Ok(None);
            }
            let waiting = || reporter.enter(part, State::Waiting);
            Log::acquire(&root.log(part), options.start_timeout, waiting).await.map(Some)
        };
        Ok(Self {
            postgres: log(Part::Postgres).await?,
            kafka: log(Part::Kafka).await?,
            registry: log(Part::Registry).await?,
        })
    }
}
