use std::path::PathBuf;
use std::sync::{OnceLock, mpsc};

use minuet_stack::{Stack, StackOptions};

static STACK: OnceLock<Stack> = OnceLock::new();

/// The servers, started by whichever test asks first. They end with the process, however that ends.
pub async fn stack() -> &'static Stack {
    tokio::task::spawn_blocking(|| STACK.get_or_init(start)).await.expect("the stack starts")
}

/// Where an installation has its servers.
#[derive(Clone, Copy)]
pub struct Servers<'a> {
    pub kafka: &'a str,
    /// That of [`stack`]: of its ids a test process keeps one set.
    pub registry: &'a str,
    pub databases: &'a Stack,
}

impl Servers<'static> {
    pub async fn shared() -> Servers<'static> {
        let stack = stack().await;
        Servers { kafka: stack.kafka(), registry: stack.registry(), databases: stack }
    }
}

/// The first segment of a partition, as the broker of [`stack`] keeps it on disk. `topic` with its prefix.
pub fn segment(topic: &str, partition: i32) -> PathBuf {
    root().join(format!("kafka/data/{topic}-{partition}/00000000000000000000.log"))
}

fn root() -> PathBuf {
    std::env::temp_dir().join(format!("minuet-tests-{}", std::process::id()))
}

/// On a runtime of its own, which lives as long as the process: a test's runtime ends with the test.
fn start() -> Stack {
    let (done, started) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let stack = Stack::start(StackOptions::for_tests(root()), |_| {}).await;
            done.send(stack).expect("somebody waits for the stack");
            std::future::pending::<()>().await;
        });
    });
    match started.recv().expect("the thread that starts the stack lives") {
        Ok(stack) => stack,
        Err(error) => panic!("the stack does not start: {error:?}"),
    }
}
