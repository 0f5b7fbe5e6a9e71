//! What a writer is told of its commit: where each entry stands, and the base of its next one.

use std::sync::Arc;

use latchwork_format::EntryId;
use latchwork_format::outline::Row;
use latchwork_session::{Outcome, Placed, Position, Receipt};

use crate::commit::Work;
use crate::lines::Written;
use crate::plan::{Own, Plan};
use crate::state::Known;
use crate::sync::Ticket;

impl Work {
    pub(crate) fn receipt(
        &self,
        known: &Known,
        leaf: Option<EntryId>,
        plan: Plan,
        written: &[Written],
    ) -> Receipt {
        let offset = |id: &EntryId| {
            let row = known.find(id).and_then(|entry| known.outline.row(entry));
            Position(row.map_or(0, Row::offset))
        };
        let place = |line: usize, key| {
            let written = written.get(line)?;
            Some(Placed {
                id: written.id.clone(),
                parent: written.parent.clone(),
                key,
                at: offset(&written.id),
                duplicate: false,
            })
        };
        let mut placed = Vec::with_capacity(plan.own.len());
        let mut found = Vec::new();
        for own in &plan.own {
            placed.extend(match own {
                Own::Line(line) => place(
                    *line,
                    plan.lines.get(*line).and_then(|line| line.key.clone()),
                ),
                Own::There(there) => {
                    let entry = known.find(&there.id);
                    found.extend(entry.and_then(|entry| known.outline.row(entry)).copied());
                    let above = entry.and_then(|entry| known.outline.hang(entry).parent());
                    Some(Placed {
                        id: there.id.clone(),
                        parent: above.and_then(|above| known.outline.id(above)),
                        key: Some(there.key.clone()),
                        at: offset(&there.id),
                        duplicate: true,
                    })
                }
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
        let ticket = Ticket {
            group: self.session.sync.clone(),
            end: known.outline.saved_through(),
            found,
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
