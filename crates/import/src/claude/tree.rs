//! Who follows whom: lines by their names, and outcomes of calls in a row.
//!
//! A reply with several calls forks in the source: each outcome names the line of its call as its parent. In a
//! conversation they follow one another, and whatever names any of them as its parent follows the last. Only a second outcome of
//! the same call is a fork for real.

use std::collections::HashMap;

use crate::item::Follows;

/// What is known of the lines that were read. Some 40 bytes for each.
#[derive(Default)]
pub(super) struct Tree {
    stands: HashMap<u128, Follows>,
    /// By the number of the reply: what its calls gave so far.
    runs: HashMap<u64, Run>,
    /// By the number of an outcome: the reply that it belongs to.
    reply_of: HashMap<u64, u64>,
}

/// The outcomes of a reply's calls.
struct Run {
    last: u64,
    open: Vec<u128>,
}

/// A name, short. Names are uuids, as a rule.
fn short(name: &str) -> u128 {
    let hash = blake3::hash(name.as_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    u128::from_le_bytes(bytes)
}

impl Tree {
    pub(super) fn knows(&self, name: &str) -> bool {
        self.stands.contains_key(&short(name))
    }

    /// What a line of this name stands for, if there was one.
    pub(super) fn stands(&self, name: &str) -> Option<Follows> {
        self.stands.get(&short(name)).copied()
    }

    pub(super) fn note(&mut self, name: &str, stands: Follows) {
        self.stands.insert(short(name), stands);
    }

    /// A reply has this call.
    pub(super) fn call(&mut self, reply: u64, call: &str) {
        let run = self.runs.entry(reply).or_insert(Run {
            last: reply,
            open: Vec::new(),
        });
        run.open.push(short(call));
    }

    /// Where something goes that names this parent: an outcome of this call, or anything else.
    pub(super) fn behind(&self, parent: Follows, call: Option<&str>) -> Follows {
        let Some(run) = self.reply(parent).and_then(|reply| self.runs.get(&reply)) else {
            return parent;
        };
        match call {
            Some(call) if !run.open.contains(&short(call)) => parent,
            _ => Follows::Item(run.last),
        }
    }

    /// The outcome of a call was given this number.
    pub(super) fn answered(&mut self, parent: Follows, call: &str, number: u64) {
        let Some(reply) = self.reply(parent) else {
            return;
        };
        let Some(run) = self.runs.get_mut(&reply) else {
            return;
        };
        let call = short(call);
        if let Some(place) = run.open.iter().position(|open| *open == call) {
            run.open.swap_remove(place);
            run.last = number;
            self.reply_of.insert(number, reply);
        }
    }

    fn reply(&self, parent: Follows) -> Option<u64> {
        let Follows::Item(number) = parent else {
            return None;
        };
        if self.runs.contains_key(&number) {
            return Some(number);
        }
        self.reply_of.get(&number).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;
    use crate::item::Follows::Item;

    #[test]
    fn outcomes_of_calls_that_ran_at_once_follow_one_another_and_the_reply_follows_the_last() {
        let mut tree = Tree::default();
        tree.call(1, "a");
        tree.call(1, "b");
        assert_eq!(tree.behind(Item(1), Some("a")), Item(1));
        tree.answered(Item(1), "a", 2);
        assert_eq!(tree.behind(Item(1), Some("b")), Item(2));
        tree.answered(Item(1), "b", 3);
        assert_eq!(tree.behind(Item(2), None), Item(3));
        assert_eq!(
            tree.behind(Item(1), Some("a")),
            Item(1),
            "a second outcome forks"
        );
    }
}
