//! Ids of tool calls that no other call of the conversation has.
//!
//! Results are matched to calls by id, so an id must be there and must be new. Some servers leave ids out, some count
//! from 0 in every reply, and a replayed recording says its old ids again: such an id is made up, or gets a suffix.

use std::collections::HashSet;

use latchwork_format::request::{Conversation, Exchange};

/// The ids of a conversation, and the next ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct FreshIds {
    taken: HashSet<String>,
    /// Where the search for a made-up id goes on.
    next: usize,
}

impl FreshIds {
    /// The given ids are taken.
    pub(crate) fn beside(taken: impl IntoIterator<Item = String>) -> Self {
        Self {
            taken: taken.into_iter().collect(),
            next: 0,
        }
    }

    /// The wanted id if it is free, else one like it; an id of our own if none is wanted.
    pub(crate) fn take(&mut self, wanted: Option<&str>) -> String {
        let id = match wanted {
            Some(wanted) if !self.taken.contains(wanted) => wanted.to_owned(),
            Some(wanted) => self.first_free(2, |n| format!("{wanted}-{n}")).0,
            None => {
                let (id, n) = self.first_free(self.next, |n| format!("call_{n}"));
                self.next = n + 1;
                id
            }
        };
        self.taken.insert(id.clone());
        id
    }

    fn first_free(&self, from: usize, name: impl Fn(usize) -> String) -> (String, usize) {
        let mut n = from;
        loop {
            let id = name(n);
            if !self.taken.contains(&id) {
                return (id, n);
            }
            n += 1;
        }
    }
}

/// The ids that calls of the conversation have.
pub(crate) fn ids_in(conversation: &Conversation) -> impl Iterator<Item = String> {
    let turns = conversation
        .exchanges
        .iter()
        .filter_map(|exchange| match exchange {
            Exchange::Assistant(turn) => Some(turn),
            Exchange::User(_) => None,
        });
    turns.flat_map(|turn| turn.calls().map(|call| call.id.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::FreshIds;
    use proptest::prelude::*;

    #[test]
    fn a_free_id_stays_and_a_taken_one_gets_a_suffix() {
        let mut ids = FreshIds::beside(["a".to_owned(), "a-2".to_owned(), "call_0".to_owned()]);
        assert_eq!(
            [
                ids.take(Some("b")),
                ids.take(Some("a")),
                ids.take(Some("b"))
            ],
            ["b", "a-3", "b-2"]
        );
        assert_eq!([ids.take(None), ids.take(None)], ["call_1", "call_2"]);
    }

    proptest! {
        #[test]
        fn no_id_is_ever_handed_out_twice(wishes in prop::collection::vec(prop::option::of("a|b|a-2|call_[0-3]"), 0..30)) {
            let mut ids = FreshIds::default();
            let mut seen = std::collections::HashSet::new();
            for wish in wishes {
                prop_assert!(seen.insert(ids.take(wish.as_deref())));
            }
        }
    }
}
