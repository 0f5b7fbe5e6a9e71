//! Ids of calls as a provider takes them: its letters, its length, each one once.
//!
//! An id that fits stays. Another one is replaced by a digest of itself, so that a conversation that grows keeps its ids, and a
//! provider's cache of its beginning stays warm. Invariant: two calls never share an id.

use std::collections::{HashMap, HashSet};

use crate::request::{Call, Conversation, Exchange};

/// What a provider wants of an id.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    /// The most letters.
    pub(super) longest: usize,
    /// The letters.
    pub(super) takes: fn(u8) -> bool,
    /// The part of a written id that is the call's own.
    pub(super) own: fn(&str) -> &str,
}

/// The ids of a conversation's calls, by the ids that they are written under.
pub(super) struct Ids<'c>(HashMap<&'c str, String>);

impl<'c> Ids<'c> {
    pub(super) fn of(conversation: &'c Conversation, rule: Rule) -> Self {
        let mut taken = HashSet::new();
        let mut ids = HashMap::new();
        let mut others = Vec::new();
        for call in calls(conversation) {
            let written = call.id.as_str();
            let own = (rule.own)(written);
            let fits = !own.is_empty() && own.len() <= rule.longest && own.bytes().all(rule.takes);
            if fits && taken.insert(own.to_owned()) {
                ids.insert(written, own.to_owned());
            } else {
                others.push(written);
            }
        }
        // After those that fit: a made id gives way to a written one, never the other way round.
        for written in others {
            let id = made(written, |id| taken.insert(id.to_owned()));
            ids.insert(written, id);
        }
        Ids(ids)
    }

    pub(super) fn get<'a>(&'a self, call: &'a Call) -> &'a str {
        self.0
            .get(call.id.as_str())
            .map_or(call.id.as_str(), String::as_str)
    }
}

/// An id that `take` has not seen.
fn made(written: &str, mut take: impl FnMut(&str) -> bool) -> String {
    let digest = blake3::hash(written.as_bytes()).to_hex();
    let digits: String = digest.chars().take(16).collect();
    let mut id = format!("call_{digits}");
    let mut more = 2_u64;
    while !take(&id) {
        id = format!("call_{digits}_{more}");
        more += 1;
    }
    id
}

fn calls(conversation: &Conversation) -> impl Iterator<Item = &Call> {
    let turns = conversation
        .exchanges
        .iter()
        .filter_map(|exchange| match exchange {
            Exchange::Assistant(turn) => Some(turn),
            Exchange::User(_) => None,
        });
    turns.flat_map(crate::request::AssistantTurn::calls)
}
