use std::net::TcpListener;

use minuet_stack::{Part, Ports, Stack, StackError, StackOptions, State};

use crate::support::{ask, assert_gone, error, processes_in, request, root};

#[tokio::test]
async fn all_three_start_keep_their_data_over_a_crash_and_leave_nothing() {
    let root = root("all");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let ports = Ports { kafka: taken_port, ..Ports::ANY };
    let mut ready = Vec::new();
    let options = StackOptions { ports, ..StackOptions::for_tests(&root) };
    let stack = Stack::start(options, |progress| {
        if progress.state == State::Ready {
            ready.push(progress.part);
        }
    })
    .await
    .unwrap();
    assert_eq!(ready.len(), 3, "{ready:?}");
    assert!(!stack.kafka().ends_with(&format!(":{taken_port}")), "{} is taken", stack.kafka());

    stack.create_database("minuet_order").await.unwrap();
    stack.create_database("minuet_order").await.unwrap();
    let database = stack.database_url("minuet_order");
    ask(&database, "create table kept (id int); insert into kept values (7)").unwrap();
    let schema = r#"{"schema": "{\"type\": \"record\", \"name\": \"A\", \"fields\": []}"}"#;
    let registered = request(stack.registry(), "POST", "/subjects/minuet.test.A/versions", schema);

    let servers = processes_in(&root);
    assert!(servers.len() > 12, "{servers:?}");
    for part in Part::ALL {
        stack.kill(part).await.unwrap();
    }
    assert!(matches!(error(stack.kill(Part::Kafka).await), StackError::NotRunning { part: Part::Kafka }));
    for part in Part::ALL {
        stack.restart(part).await.unwrap();
    }
    assert_eq!(ask(&database, "select id from kept").unwrap(), "7");
    let again = request(stack.registry(), "POST", "/subjects/minuet.test.A/versions", schema);
    assert_eq!(again, registered, "the schema has another id");

    stack.stop().await.unwrap();
    assert_gone(&root);
    let left = processes_in(&root);
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn the_role_of_the_services_owns_its_databases_and_no_more() {
    let options = StackOptions::for_tests(root("role")).only(&[Part::Postgres]);
    let stack = Stack::start(options, |_| {}).await.unwrap();
    stack.create_database("minuet_payment").await.unwrap();
    let url = stack.database_url("minuet_payment");

    let rights = "select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user";
    assert_eq!(ask(&url, rights).unwrap(), "f");
    let refused = error(ask(&url, "create database another"));
    assert!(refused.contains("permission denied"), "{refused}");
    let wrong = url.replacen("minuet:", "minuet:wrong", 1);
    let refused = error(ask(&wrong, "select 1"));
    assert!(refused.contains("password authentication failed"), "{refused}");
    assert!(matches!(error(stack.create_database("a; b").await), StackError::DatabaseName { .. }));

    stack.drop_database("minuet_payment").await.unwrap();
    assert!(error(ask(&url, "select 1")).contains("does not exist"));
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_root_belongs_to_one_stack_at_a_time() {
    let root = root("shared");
    let mut options = StackOptions::for_tests(&root).only(&[Part::Postgres]);
    options.patience = std::time::Duration::ZERO;
    let first = Stack::start(options.clone(), |_| {}).await.unwrap();
    assert!(matches!(error(Stack::start(options.clone(), |_| {}).await), StackError::InUse { .. }));
    first.stop().await.unwrap();
    Stack::start(options, |_| {}).await.unwrap().stop().await.unwrap();
    assert_gone(&root);
}

#[tokio::test]
async fn a_server_that_cannot_start_is_reported_with_its_own_words() {
    let mut options = StackOptions::for_tests(root("broken")).only(&[Part::Postgres]);
    options.postgres_settings.push(("shared_buffers".into(), "a lot".into()));
    let reported = error(Stack::start(options, |_| {}).await).to_string();
    assert!(reported.contains("PostgreSQL ended") && reported.contains("shared_buffers"), "{reported}");
}

#[tokio::test]
async fn an_ephemeral_root_takes_nobodys_folder() {
    let root = root("foreign");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("thesis.txt"), "years").unwrap();
    assert!(matches!(
        error(Stack::start(StackOptions::for_tests(&root), |_| {}).await),
        StackError::NotOurs { .. }
    ));
    std::fs::remove_file(root.join("thesis.txt")).unwrap();
    std::fs::remove_dir(root).unwrap();
}

/// The stack may be started and used from any task.
#[test]
fn its_futures_can_be_spawned() {
    fn send<T: Send>(_: T) {}
    fn used(stack: Stack) {
        send(stack.create_database("a"));
        send(stack.kill(Part::Kafka));
        send(stack.restart(Part::Kafka));
        send(stack.stop());
    }
    send(Stack::start(StackOptions::for_tests("unused"), |_| {}));
    send(used);
}
