//! What a writer is told of its commit: where each entry stands, and the base of its next one.

use std::sync::Arc;

use latchwork_format::EntryId;
use latchwork_session::{Key, Outcome, Placed, Position, Receipt};

use crate::commit::Work;
use crate::head_file::checksum;
use crate::lines::Written;
use crate::plan::{Own, Plan};
use crate::state::Known;
use crate::sync::{Found, Ticket};

impl Work {
    pub(crate) fn receipt(
        &self,
        known: &Known,
        leaf: Option<EntryId>,
        plan: Plan,
        written: &[Written],
    ) -> Receipt {
        let place = |line: usize, key| {
            let written = written.get(line)?;
            let at = known
                .transcript
                .line(&written.id)
                .map_or(0, |line| line.offset);
            Some(Placed {
                id: written.id.clone(),
                parent: written.parent.clone(),
                key,
                at: Position(at),
                duplicate: false,
            })
        };
        let mut placed = Vec::with_capacity(plan.own.len());
        for own in &plan.own {
            placed.extend(match own {
                Own::Line(line) => place(
                    *line,
                    plan.lines.get(*line).and_then(|line| line.key.clone()),
                ),
                Own::There(id) => known.transcript.line(id).map(|line| Placed {
                    id: id.clone(),
                    parent: known
                        .transcript
                        .parent_of(id)
                        .map(|parent| parent.id().clone()),
                    key: line.entry.key().and_then(|key| Key::new(key).ok()),
                    at: Position(line.offset),
                    duplicate: true,
                }),
            });
        }
        let mut outcome = plan.outcome;
        if let Outcome::Diverged { again, .. } = &mut outcome {
            let lines = plan.lines.iter().enumerate().filter(|(_, line)| line.again);
            *again = lines
                .filter_map(|(index, line)| place(index, line.key.clone()))
                .collect();
        }
        let head = known.as_head(leaf);
        let there = plan.own.iter().filter_map(|own| match own {
            Own::There(id) => known.transcript.line(id),
            Own::Line(_) => None,
        });
        let found = there.map(|line| Found {
            offset: line.offset,
            len: line.entry.raw().len(),
            sum: checksum(&[line.entry.raw()]),
        });
        let ticket = Ticket {
            group: self.session.sync.clone(),
            end: known.transcript.saved_through(),
            found: found.collect(),
        };
        Receipt::new(placed, head, outcome, Arc::new(ticket))
    }
}

/// The last of the commit's own lines.
pub(crate) fn last_own(plan: &Plan, written: &[Written]) -> Option<EntryId> {
    let mut own = plan.own.iter().filter_map(|own| match own {
        Own::Line(line) => written.get(*line).map(|line| line.id.clone()),
        Own::There(_) => None,
    });
    own.next_back()
        .or_else(|| written.last().map(|line| line.id.clone()))
}
