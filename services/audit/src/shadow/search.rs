//! Looks for an arrival order that gives exactly what was recorded.
//!
//! Topics are not ordered among each other, so what a service saw is not in the record; only that each topic's order was
//! kept, that nothing came before what caused it, and what came out. One order has few events, so all interleavings are few;
//! for those that somebody has made many, the search is bounded, and says so where it gave up.

use super::consumes;
use super::difference::Difference;
use super::emits::Emits;
use crate::record::{Record, Service};

/// One service as it decides about one order: its state, and what follows from an input.
pub(super) trait Decider {
    type State: Clone + PartialEq;

    /// What an input leads to; several, where the record does not fix something. An error: it cannot happen here.
    fn take(
        &self,
        state: &Self::State,
        input: &Record,
        expected: Option<&Record>,
    ) -> Vec<Result<Taken<Self::State>, String>>;

    /// What the service does without an input, when time passes or the provider answers, if the expected outcome says so.
    fn spontaneous(&self, state: &Self::State, expected: &Record) -> Option<Taken<Self::State>>;
}

pub(super) struct Taken<S> {
    pub(super) state: S,
    pub(super) emits: Option<Emits>,
}

/// Events of one order beyond which nobody searches: the search goes as deep as there are events.
const DEEPEST: usize = 300;
/// Points of the search that are looked at.
const WIDEST: usize = 5_000;

/// One step of an order in a service: what came in, if it was not time or the provider that acted, and what went out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) input: Option<&'a Record>,
    pub(crate) outcome: Option<&'a Record>,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Found<'a, S> {
    /// The last state, and the steps to it.
    Agrees(S, Vec<Step<'a>>),
    /// All that was recorded agrees, and more would follow.
    More(Difference),
    Differs(Difference),
    /// The bound was hit.
    GaveUp,
}

impl<S> Found<'_, S> {
    pub(super) fn without_way(self) -> Found<'static, S> {
        match self {
            Found::Agrees(state, _) => Found::Agrees(state, Vec::new()),
            Found::More(difference) => Found::More(difference),
            Found::Differs(difference) => Found::Differs(difference),
            Found::GaveUp => Found::GaveUp,
        }
    }
}

/// `records`: all of the order, each once. The order agrees if some interleaving of the service's inputs leads from `start`
/// to exactly its outcomes.
pub(super) fn search<'a, T: Decider>(
    decider: &T,
    service: Service,
    start: T::State,
    records: &'a [Record],
) -> Found<'a, T::State> {
    if records.len() > DEEPEST {
        return Found::GaveUp;
    }
    let outcomes: Vec<&Record> = {
        let mut own: Vec<&Record> =
            records.iter().filter(|record| record.head.source.service() == Some(service)).collect();
        own.sort_by_key(|record| record.head.position);
        own
    };
    let mut streams: Vec<Vec<Input<'_>>> = Vec::new();
    let mut inputs: Vec<&Record> =
        records.iter().filter(|record| consumes(service, record.head.event_type)).collect();
    inputs.sort_by_key(|record| record.head.position);
    for record in inputs {
        let input = Input { record, after: after(record, records, &outcomes) };
        let position = record.head.position;
        let same = |first: &Input<'_>| {
            (first.record.head.position.topic, first.record.head.position.partition)
                == (position.topic, position.partition)
        };
        match streams.last_mut() {
            Some(stream) if stream.first().is_some_and(same) => stream.push(input),
            _ => streams.push(vec![input]),
        }
    }
    let mut search = Search {
        decider,
        service,
        streams,
        outcomes,
        seen: Vec::new(),
        path: Vec::new(),
        best: None,
        more: None,
    };
    let taken = vec![0; search.streams.len()];
    if let Some(state) = search.walk(start, taken, 0) {
        return Found::Agrees(state, search.path);
    }
    if search.seen.len() >= WIDEST {
        return Found::GaveUp;
    }
    match (search.more, search.best) {
        (Some(more), _) => Found::More(more),
        (None, Some((_, _, difference))) => Found::Differs(difference),
        (None, None) => Found::Differs(Difference::nothing(service)),
    }
}

struct Input<'a> {
    record: &'a Record,
    /// So many outcomes come before it: it was caused by the last of them.
    after: usize,
}

/// Follows the causes of an input back to the service's own outcomes.
fn after(record: &Record, records: &[Record], outcomes: &[&Record]) -> usize {
    let (mut after, mut cause, mut steps) = (0, record.head.cause, 0);
    while let Some(id) = cause
        && steps < records.len()
    {
        if let Some(at) = outcomes.iter().position(|outcome| outcome.head.id == id) {
            after = after.max(at + 1);
        }
        cause = records.iter().find(|record| record.head.id == id).and_then(|record| record.head.cause);
        steps += 1;
    }
    after
}

struct Search<'a, 's, T: Decider> {
    decider: &'s T,
    service: Service,
    streams: Vec<Vec<Input<'a>>>,
    outcomes: Vec<&'a Record>,
    seen: Vec<(Vec<usize>, usize, T::State)>,
    /// The steps to where the search is.
    path: Vec<Step<'a>>,
    /// The difference that came furthest: outcomes that agreed, and whether the types did.
    best: Option<(usize, bool, Difference)>,
    more: Option<Difference>,
}

impl<'a, T: Decider> Search<'a, '_, T> {
    /// The state at the end, if all of it agrees from here on.
    fn walk(&mut self, state: T::State, taken: Vec<usize>, matched: usize) -> Option<T::State> {
        let expected = self.outcomes.get(matched).copied();
        let is_done = taken.iter().zip(&self.streams).all(|(taken, stream)| *taken == stream.len());
        if is_done && expected.is_none() {
            return Some(state);
        }
        let known = self.seen.iter().any(|(t, m, s)| (t, *m, s) == (&taken, matched, &state));
        if known || self.seen.len() >= WIDEST {
            return None;
        }
        self.seen.push((taken.clone(), matched, state.clone()));

        let mut is_stuck = true;
        for stream in 0..self.streams.len() {
            let Some(input) = self.streams[stream].get(taken[stream]) else { continue };
            if input.after > matched {
                continue;
            }
            let record = input.record;
            for step in self.decider.take(&state, record, expected) {
                is_stuck = false;
                match step {
                    Ok(step) => {
                        let mut taken = taken.clone();
                        taken[stream] += 1;
                        let end = self.follow(step, Some(record), taken, matched, expected);
                        if end.is_some() {
                            return end;
                        }
                    }
                    Err(illegal) => {
                        self.note(matched, false, Difference::illegal(self.service, record, illegal));
                    }
                }
            }
        }
        if let Some(expected) = expected {
            if let Some(step) = self.decider.spontaneous(&state, expected)
                && let Some(end) = self.follow(step, None, taken, matched, Some(expected))
            {
                return Some(end);
            }
            if is_stuck {
                self.note(matched, false, Difference::uncaused(self.service, expected));
            }
        }
        None
    }

    fn follow(
        &mut self,
        step: Taken<T::State>,
        input: Option<&'a Record>,
        taken: Vec<usize>,
        matched: usize,
        expected: Option<&'a Record>,
    ) -> Option<T::State> {
        let outcome = match (step.emits, expected) {
            (None, _) => None,
            (Some(emits), Some(expected)) if emits.is(expected) => Some(expected),
            (Some(emits), Some(expected)) => {
                let same = emits.event.event_type() == expected.head.event_type;
                self.note(matched, same, Difference::between(self.service, expected, &emits));
                return None;
            }
            (Some(emits), None) => {
                self.more.get_or_insert_with(|| Difference::more(self.service, &emits));
                return None;
            }
        };
        self.path.push(Step { input, outcome });
        let end = self.walk(step.state, taken, matched + usize::from(outcome.is_some()));
        if end.is_none() {
            self.path.pop();
        }
        end
    }

    fn note(&mut self, matched: usize, same_type: bool, difference: Difference) {
        let is_better = self.best.as_ref().is_none_or(|(m, s, _)| (*m, *s) < (matched, same_type));
        if is_better {
            self.best = Some((matched, same_type, difference));
        }
    }
}
