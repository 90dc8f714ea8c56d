use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use crate::bug::Bug;
use crate::cases::Cell;
use crate::counterexample::Counterexample;
use crate::service::Service;
use crate::world::{Setting, World, WorldError};

/// What a check of a whole world found.
#[derive(Debug)]
pub struct Report {
    pub name: &'static str,
    pub unique_states: usize,
    /// Repetitions included.
    pub states: usize,
    pub depth: usize,
    pub took: Duration,
    /// The shortest counterexample of each property that does not hold.
    pub broken: Vec<Counterexample>,
    /// What should be seen to happen, and never does.
    pub unseen: Vec<&'static str>,
    /// Cells of the tables of reactions that nothing has led to.
    pub unmet: Vec<Cell>,
}

impl Report {
    pub fn holds(&self) -> bool {
        self.broken.is_empty() && self.unseen.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { name, unique_states, states, depth, took, .. } = self;
        let seconds = took.as_secs_f64();
        writeln!(f, "{name}: {unique_states} unique states of {states}, depth {depth}, {seconds:.1} s")?;
        for counterexample in &self.broken {
            write!(f, "{counterexample}")?;
        }
        for name in &self.unseen {
            writeln!(f, "never seen: {name}")?;
        }
        Ok(())
    }
}

/// Looks at every state of a world, on all cores.
pub fn check(setting: Setting) -> Result<Report, WorldError> {
    let began = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let checker = World::new(setting, None)?.checker().threads(cores).spawn_bfs().join();
    let took = began.elapsed();
    let (mut broken, mut unseen) = (Vec::new(), Vec::new());
    let (world, discoveries) = (checker.model(), checker.discoveries());
    for Property { expectation, name, .. } in world.properties() {
        match (expectation, discoveries.contains_key(name)) {
            (Expectation::Sometimes, false) => unseen.push(name),
            (Expectation::Always, true) => broken.extend(shortest(setting, None, name)?),
            _ => {}
        }
    }
    Ok(Report {
        name: setting.name,
        unique_states: checker.unique_state_count(),
        states: checker.state_count(),
        depth: checker.max_depth(),
        took,
        broken,
        unseen,
        unmet: unmet(world),
    })
}

fn unmet(world: &World) -> Vec<Cell> {
    let met = world.met();
    let cells = Service::ALL.into_iter().flat_map(|service| {
        let rows = service.participant().reactions.iter();
        rows.flat_map(move |row| row.states.iter().map(move |state| (service, row.on, *state)))
    });
    cells.filter(|cell| cell.2 != "any" && !met.contains(cell)).collect()
}

/// The shortest way to where a property does not hold, if there is one.
///
/// One thread, breadth first: but the checker looks at a block of states at a time, and keeps the last of several
/// discoveries in it. So it looks again, less deep, until there is nothing shorter.
pub fn shortest(
    setting: Setting,
    bug: Option<Bug>,
    property: &'static str,
) -> Result<Option<Counterexample>, WorldError> {
    let mut found: Option<Counterexample> = None;
    loop {
        let checker = World::new(setting, bug)?.checker();
        let checker = checker.finish_when(HasDiscoveries::AnyOf(BTreeSet::from([property])));
        let checker = match &found {
            // The beginning has depth 1, and a state at the greatest depth is not looked at any more.
            Some(counterexample) => checker.target_max_depth(counterexample.steps.len() + 1),
            None => checker,
        };
        let checker = checker.spawn_bfs().join();
        match checker.discoveries().remove(property) {
            Some(path) => found = Some(Counterexample::of(checker.model(), property, path)),
            None => return Ok(found),
        }
    }
}
