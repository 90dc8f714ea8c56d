//! A script of messages, cut into batches, and the model that says what each batch must leave behind.

use minuet_events::values::Micros;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::harness::{Bench, Ledger, Sent, ShopService, counted};

#[derive(Clone, Debug)]
pub(super) enum Step<W, A> {
    Send(W),
    /// Something that was sent before, message for message.
    Again(Index),
    /// What was sent since the last cut is one batch. Then time passes.
    Cut {
        minutes: i64,
    },
    /// The same; then something happens that comes by no topic.
    Aside(A),
}

/// A service in memory, one event after the other, by its pure decisions.
pub(super) trait Model: Default {
    type What: Clone + std::fmt::Debug;
    type Aside: Clone + std::fmt::Debug;
    /// The service's own.
    const TABLES: &'static str;

    fn ledger(&mut self) -> &mut Ledger;

    fn send<R: ShopService>(bench: &Bench<R>, what: &Self::What) -> Sent;

    fn take(&mut self, sent: &Sent, now: Micros);

    /// In the database and in memory.
    async fn aside<R: ShopService>(&mut self, bench: &Bench<R>, aside: Self::Aside);

    /// The tables are what the model says.
    async fn holds<R: ShopService>(&self, bench: &Bench<R>);
}

/// What every script ends with is a cut, so nothing is left unsent.
pub(super) fn scripts<W, A>(
    what: impl Strategy<Value = W>,
    aside: impl Strategy<Value = A>,
) -> impl Strategy<Value = Vec<Step<W, A>>>
where
    W: Clone + std::fmt::Debug,
    A: Clone + std::fmt::Debug,
{
    let step = prop_oneof![
        10 => what.prop_map(Step::Send),
        2 => any::<Index>().prop_map(Step::Again),
        3 => (0..8_i64).prop_map(|minutes| Step::Cut { minutes }),
        2 => aside.prop_map(Step::Aside),
    ];
    proptest::collection::vec(step, 1..50)
}

pub(super) async fn play<M: Model, R: ShopService>(bench: &Bench<R>, script: Vec<Step<M::What, M::Aside>>) {
    bench.clear(M::TABLES).await;
    let (mut model, mut sent, mut batch) = (M::default(), Vec::<Sent>::new(), Vec::<Sent>::new());
    let (no_ops, _) = counted(bench.hand.counts());
    for step in script.into_iter().chain([Step::Cut { minutes: 0 }]) {
        match step {
            Step::Send(what) => batch.push(M::send(bench, &what)),
            Step::Again(_) if sent.is_empty() => {}
            Step::Again(index) => batch.push(index.get(&sent).clone()),
            Step::Cut { .. } | Step::Aside(_) => {
                bench.batch(&batch).await;
                batch.iter().for_each(|one| model.take(one, bench.now()));
                sent.append(&mut batch);
                bench.holds(model.ledger(), no_ops).await;
                model.holds(bench).await;
                match step {
                    Step::Cut { minutes } => bench.pass(minutes),
                    Step::Aside(aside) => {
                        model.aside(bench, aside).await;
                        bench.holds(model.ledger(), no_ops).await;
                        model.holds(bench).await;
                    }
                    Step::Send(_) | Step::Again(_) => {}
                }
            }
        }
    }
}

/// Tries so many scripts, and shrinks one that fails.
pub(super) fn try_scripts<M: Model, R: ShopService>(
    bench: &Bench<R>,
    cases: u32,
    scripts: impl Strategy<Value = Vec<Step<M::What, M::Aside>>>,
) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let run = TestRunner::new(config).run(&scripts, |script| {
        let playing = play::<M, R>(bench, script);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(playing));
        Ok::<(), TestCaseError>(())
    });
    if let Err(error) = run {
        panic!("{error}");
    }
}
