//! Every state of a model: what it breaks, how many states there are, and whether something stays possible in all of them.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

/// What an exploration came to.
#[derive(Clone, Debug)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps between them that were taken.
    pub steps: usize,
    /// The longest of the shortest ways to a state.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The broken promise, and a shortest way to where it is broken.
    pub broken: Option<(&'static str, Vec<String>)>,
}

impl Explored {
    /// One line for people.
    #[must_use]
    pub fn line(&self, name: &str) -> String {
        let Self {
            states,
            steps,
            depth,
            took,
            ..
        } = self;
        let seconds = took.as_secs_f64();
        let verdict = match &self.broken {
            None => "every promise holds in every state".to_owned(),
            Some((promise, way)) => format!("BROKEN after {} steps: {promise}", way.len()),
        };
        format!("{name}: {states} states, {steps} steps, depth {depth}, {seconds:.1} s: {verdict}")
    }
}

/// Explores all states, breadth first on one thread, up to the first broken promise.
pub fn explore<M>(model: M) -> Explored
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync + 'static,
{
    explore_until(model, HasDiscoveries::Any, None)
}

/// Explores states until that one promise is found broken, or all.
pub fn explore_for<M>(model: M, promise: &'static str) -> Explored
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync + 'static,
{
    let known = model.properties().iter().any(|known| known.name == promise);
    assert!(known, "no promise of the model is called so: {promise}");
    let until = HasDiscoveries::AnyOf([promise].into());
    explore_until(model, until, Some(promise))
}

fn explore_until<M>(model: M, until: HasDiscoveries, promise: Option<&str>) -> Explored
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync + 'static,
{
    let start = Instant::now();
    let checker = model.checker().finish_when(until).spawn_bfs().join();
    let mut discoveries = checker.discoveries().into_iter();
    let discovery = discoveries.find(|(found, _)| promise.is_none_or(|promise| *found == promise));
    let broken = discovery.map(|(promise, path)| {
        let steps = path.into_actions();
        let way = steps.iter().map(|step| format!("{step:?}")).collect();
        (promise, way)
    });
    Explored {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        took: start.elapsed(),
        broken,
    }
}

/// How many states there are from which no way leads to one that is `wanted`, by steps that are `counted`.
///
/// This is what stays possible whatever happened before ("always possible", AG EF), where the checker's own `eventually` looks at
/// single ways and stops at cycles.
pub fn dead_ends<M>(
    model: &M,
    counted: impl Fn(&M::Action) -> bool,
    wanted: impl Fn(&M::State) -> bool,
) -> usize
where
    M: Model,
    M::State: Clone + Eq + Hash,
    M::Action: Clone,
{
    let mut numbers = HashMap::new();
    let mut states = Vec::new();
    let mut backwards: Vec<(u32, u32)> = Vec::new();
    let mut good = Vec::new();
    for state in model.init_states() {
        number(&mut numbers, &mut states, state);
    }
    let mut next = 0;
    while let Some(state) = states.get(next).cloned() {
        good.push(wanted(&state));
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        for action in actions {
            let counts = counted(&action);
            if let Some(after) = model.next_state(&state, action) {
                let to = number(&mut numbers, &mut states, after);
                if counts {
                    backwards.push((to, u32::try_from(next).unwrap_or(u32::MAX)));
                }
            }
        }
        next += 1;
    }
    backwards.sort_unstable();
    let mut reached: Vec<u32> = (0_u32..)
        .zip(&good)
        .filter_map(|(state, good)| good.then_some(state))
        .collect();
    while let Some(state) = reached.pop() {
        let first = backwards.partition_point(|(to, _)| *to < state);
        for (_, from) in backwards[first..].iter().take_while(|(to, _)| *to == state) {
            let from_good = &mut good[*from as usize];
            if !*from_good {
                *from_good = true;
                reached.push(*from);
            }
        }
    }
    good.iter().filter(|good| !**good).count()
}

fn number<S: Clone + Eq + Hash>(
    numbers: &mut HashMap<S, u32>,
    states: &mut Vec<S>,
    state: S,
) -> u32 {
    let new = u32::try_from(states.len()).unwrap_or(u32::MAX);
    *numbers.entry(state).or_insert_with_key(|state| {
        states.push(state.clone());
        new
    })
}
