//! Where replies of a source that grows were ended before, by the keys that stand in the transcript.
//!
//! A reply that several lines of a rollout make up may be written before it is whole, because the source was quiet or the mirror was told to
//! stop. Its key tells where it ended; whoever reads the source again ends it there, too, and what came later is a reply of its own.

use std::collections::HashMap;

use latchwork_import::{Item, Live, cut_of};
use latchwork_session::{OpenError, Position};

use crate::Session;
use crate::import::PAGE;

/// What a transcript holds of rollouts: by the beginning of their keys, the first and the last line of each item.
#[derive(Debug, Default)]
pub(super) struct Known {
    read_to: Position,
    cuts: Cuts,
    /// Those of them that the present reading does not know.
    news: Cuts,
}

type Cuts = HashMap<String, HashMap<u64, u64>>;

impl Known {
    /// Takes note of what was not seen yet.
    pub(super) async fn look(&mut self, session: &Session) -> Result<(), OpenError> {
        use latchwork_session::TranscriptStore as _;
        loop {
            let page = session
                .store()
                .read(session.id(), self.read_to, PAGE)
                .await?;
            for (_, entry) in &page.entries {
                if let Some(key) = entry.mark().and_then(|mark| mark.key) {
                    self.see(&key);
                }
            }
            self.read_to = page.next;
            if !page.more {
                return Ok(());
            }
        }
    }

    fn see(&mut self, key: &str) {
        if let Some(cut) = cut_of(key) {
            for cuts in [&mut self.cuts, &mut self.news] {
                let lines = cuts.entry(cut.prefix.to_owned()).or_default();
                lines.insert(cut.first, cut.last);
            }
        }
    }

    /// A reading from the beginning that ends replies where they were ended before.
    pub(super) fn live(&mut self) -> Live {
        self.news.clear();
        let mut live = Live::new();
        for (prefix, lines) in &self.cuts {
            lines.values().for_each(|line| live.was_cut(prefix, *line));
        }
        live
    }

    /// Whether an item has come to stand there, since this reading began, that begins where this one does and ends elsewhere. What the
    /// reading knew of and still reads otherwise is another message: the source was changed.
    pub(super) fn is_cut_otherwise(&self, key: &str) -> bool {
        let Some(cut) = cut_of(key) else { return false };
        let lines = self.news.get(cut.prefix);
        lines
            .and_then(|lines| lines.get(&cut.first))
            .is_some_and(|last| *last != cut.last)
    }

    /// As [`is_cut_otherwise`](Self::is_cut_otherwise), of any of them.
    pub(super) fn cuts_otherwise(&self, items: &[Item]) -> bool {
        items.iter().any(|item| self.is_cut_otherwise(&item.key))
    }
}
