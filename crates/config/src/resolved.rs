//! The answer: the settings, and for each of them every layer that spoke.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use crate::{Key, Origin, fault::Warning, source::Source};

/// A configuration, and where each of its values comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Resolved<T> {
    /// The settings.
    pub value: T,
    /// Oddities that stop nobody.
    pub warnings: Vec<Warning>,
    /// For each setting every layer that sets it, the lowest first.
    pub(crate) trails: BTreeMap<Key, Vec<Saying>>,
}

/// What one layer says of one setting.
#[derive(Clone)]
pub struct Saying {
    /// Where it says it.
    pub origin: Origin,
    /// What it says.
    pub value: Value,
}

/// Without the value, which may be somebody's secret.
impl fmt::Debug for Saying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Saying").field(&self.origin).finish()
    }
}

impl<T> Resolved<T> {
    /// Where the setting comes from; None if no layer, not even the defaults, names it. For an element of a list that is
    /// the origin of the list.
    pub fn origin(&self, key: impl Into<Key>) -> Option<&Origin> {
        let mut key = key.into();
        while !key.is_root() {
            if let Some(saying) = self.trail(&key).last() {
                return Some(&saying.origin);
            }
            key = key.parent()?;
        }
        None
    }

    /// Every setting with its origin, ordered by name. A list is one setting.
    pub fn origins(&self) -> impl Iterator<Item = (&Key, &Origin)> {
        let last = |(key, trail)| Some((key, &<[Saying]>::last(trail)?.origin));
        self.trails
            .iter()
            .map(|(key, trail)| (key, trail.as_slice()))
            .filter_map(last)
    }

    /// Every layer that sets the setting, the lowest first: the last one counts, the others are shadowed by it.
    pub fn trail(&self, key: &Key) -> &[Saying] {
        self.trails.get(key).map_or(&[], Vec::as_slice)
    }
}

/// What each layer up to the winner says of the setting. Of two sources of one layer the later speaks for it.
pub(crate) fn trail(sources: &[Source], key: &Key, winner: usize) -> Vec<Saying> {
    let saying = |source: &Source| {
        Some(Saying {
            value: source.get(key)?.clone(),
            origin: source.origin(key),
        })
    };
    let up_to_winner = sources.iter().take(winner + 1);
    up_to_winner.filter_map(saying).collect()
}
