//! The parent is killed: `stack-holder` in a process of its own.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{assert_all_end, assert_gone, descendants, root, wait_for};

/// A holder whose servers are ready; `said` sees each line on the way there.
fn hold(root: &Path, arguments: &[&str], mut said: impl FnMut(&str)) -> Child {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_stack-holder"))
        .arg(root)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for line in BufReader::new(holder.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "ready" {
            return holder;
        }
        said(&line);
    }
    panic!("the holder ended: {:?}", holder.wait());
}

#[test]
fn servers_end_with_a_killed_parent_and_start_again_at_once() {
    let root = root("killed");
    let mut first = hold(&root, &[], |_| {});
    let servers = descendants(first.id());
    // Three guards with a shell each, two JVMs, a postmaster and its helpers.
    assert!(servers.len() > 12, "{servers:?}");
    first.kill().unwrap();
    first.wait().unwrap();

    // At once: the servers of the first are still stopping, on the same data.
    let mut waited = false;
    let mut second = hold(&root, &[], |line| {
        waited |= line.contains("Waiting");
        if line.contains("Starting") {
            let left: Vec<_> = servers.iter().filter(|process| process.lives()).collect();
            assert!(left.is_empty(), "the second starts beside {left:?}");
        }
    });
    assert!(waited, "the first was gone too early for this test");
    let servers = descendants(second.id());
    drop(second.stdin.take());
    assert!(second.wait().unwrap().success());
    assert_all_end(&servers);
    std::fs::remove_dir_all(root).unwrap();
}

#[test]
fn an_ephemeral_root_goes_with_a_killed_parent() {
    let root = root("ephemeral");
    let mut holder = hold(&root, &["ephemeral", "postgres"], |_| {});
    let all = descendants(holder.id());
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_all_end(&all);
    assert_gone(&root);
}

#[test]
fn a_cluster_that_postgres_cannot_reach_lies_elsewhere_and_goes_too() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        // Without root the server runs as ourselves and reaches what we reach.
        return;
    }
    let closed = root("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let root = closed.join("root");
    let mut holder = hold(&root, &["ephemeral", "postgres"], |_| {});
    let cluster = std::fs::read_link(root.join("postgres")).unwrap();
    assert!(cluster.starts_with("/var/tmp"), "{}", cluster.display());
    assert!(cluster.join("data/PG_VERSION").exists());
    holder.kill().unwrap();
    holder.wait().unwrap();
    // The root goes last.
    wait_for("the end of the janitor", || (!root.exists()).then_some(()));
    assert_gone(&cluster);
    std::fs::remove_dir(closed).unwrap();
}
