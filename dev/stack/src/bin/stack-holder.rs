//! Holds a stack for as long as its standard input stays open: for work by hand, and for the test that kills it.
//!
//! `stack-holder <root>` keeps the data; `stack-holder <root> ephemeral` removes them at the end.

use std::io::Read;
use std::process::ExitCode;

use minuet_stack::{Part, Ports, Stack, StackOptions};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(root) = arguments.next() else {
        eprintln!("usage: stack-holder <root> [ephemeral | postgres]");
        return ExitCode::FAILURE;
    };
    let mut options = StackOptions { ports: Ports::ANY, ephemeral: false, ..StackOptions::for_tests(root) };
    for argument in arguments {
        match argument.to_str() {
            Some("ephemeral") => options.ephemeral = true,
            _ => options.parts = vec![Part::Postgres],
        }
    }
    let started = Stack::start(options, |progress| {
        println!("{:<16} {:?} after {:.1?}", progress.part, progress.state, progress.elapsed);
    });
    let stack = match started.await {
        Ok(stack) => stack,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("kafka {}", stack.kafka());
    println!("registry {}", stack.registry());
    println!("ready");
    let read = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    let stopped = stack.stop().await;
    match (read, stopped) {
        (Ok(Ok(_)), Ok(())) => ExitCode::SUCCESS,
        (_, stopped) => {
            eprintln!("{stopped:?}");
            ExitCode::FAILURE
        }
    }
}
