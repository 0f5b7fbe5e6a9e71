//! From a context to a conversation: one pass over the messages, results joined to their calls as they come.
//!
//! A result belongs to the latest call before it that has its id. What is left open at the end is closed
//! honestly: the outcome is unknown. Of a reply that broke off, text stays, and calls stay only with a result.
//! Seals are looked at last, when it is known what stands before each reply.

use std::collections::{HashMap, HashSet};

use super::prefix::{Prefix, Shown};
use super::report::{Change, ProjectionReport};
use super::system::System;
use super::turn::{self, DraftCall, DraftItem};
use super::{
    AssistantTurn, Call, CallResult, Conversation, Exchange, Item, NonEmpty, Outcome, Part, Target,
    UserTurn, Words, words,
};
use crate::context::{Context, ContextMessage};
use crate::id::EntryId;
use crate::kind::Role;
use crate::message::MessageView;

/// Makes a valid conversation for `target` of any context, and says what had to be changed.
#[must_use]
pub fn project(context: &Context, target: &Target) -> (Conversation, ProjectionReport) {
    let mut projection = Projection {
        target,
        turns: Vec::new(),
        system: System::default(),
        ids: Ids::default(),
        report: ProjectionReport::default(),
    };
    for message in &context.messages {
        projection.message(message);
    }
    projection.finish()
}

struct Projection<'t> {
    target: &'t Target,
    turns: Vec<Draft>,
    system: System,
    ids: Ids,
    report: ProjectionReport,
}

enum Draft {
    User(UserTurn),
    Assistant {
        items: Vec<DraftItem>,
        broke_off: bool,
        /// What its seals depend on, if the writer noted it and any seal is left.
        sealed_for: Option<Prefix>,
        source: Option<EntryId>,
    },
}

/// Which ids are taken, and which call an id means at present.
#[derive(Default)]
struct Ids {
    taken: HashSet<String>,
    /// Turn and item of the latest call of that written id.
    latest: HashMap<String, (usize, usize)>,
    /// The next suffix to try for a written id that is taken.
    suffix: HashMap<String, u64>,
}

impl Ids {
    /// An id that no call has yet: the written one, if possible.
    fn unique(&mut self, written: &str) -> String {
        if self.taken.insert(written.to_owned()) {
            return written.to_owned();
        }
        let suffix = self.suffix.entry(written.to_owned()).or_insert(1);
        loop {
            *suffix += 1;
            let id = format!("{written}_{suffix}");
            if self.taken.insert(id.clone()) {
                return id;
            }
        }
    }
}

impl Projection<'_> {
    fn message(&mut self, message: &ContextMessage) {
        let source = message.source();
        let Some(view) = message.view() else {
            return self.report.note(source, Change::Unknown);
        };
        match view.role() {
            Role::System => self.system.fold(&view),
            Role::User | Role::Custom => self.user(&view, source),
            Role::Assistant => self.assistant(&view, source),
            Role::ToolResult => self.tool_result(&view, source),
            Role::BranchSummary => self.told(words::branch_summary, &view, source),
            Role::CompactionSummary => self.told(words::compaction_summary, &view, source),
            Role::BashExecution => self.bash_execution(&view, source),
            Role::Other(_) => self.report.note(source, Change::Unknown),
        }
    }

    fn user(&mut self, view: &MessageView<'_>, source: Option<&EntryId>) {
        let parts = turn::parts(view.content(), self.target, source, &mut self.report);
        match NonEmpty::new(parts) {
            Some(parts) => self.turns.push(Draft::User(UserTurn {
                parts,
                source: source.cloned(),
            })),
            None => self.report.note(source, Change::EmptyMessage),
        }
    }

    /// A summary, told as the user's.
    fn told(&mut self, wrap: fn(&str) -> String, view: &MessageView<'_>, source: Option<&EntryId>) {
        let summary = view.summary().unwrap_or_default();
        if summary.trim().is_empty() {
            return self.report.note(source, Change::EmptyMessage);
        }
        self.say(wrap(&summary), source);
    }

    fn bash_execution(&mut self, view: &MessageView<'_>, source: Option<&EntryId>) {
        if let Some(run) = view
            .bash_execution()
            .filter(|run| !run.exclude_from_context)
        {
            self.say(words::bash_execution(&run), source);
        }
    }

    fn say(&mut self, text: String, source: Option<&EntryId>) {
        let parts = NonEmpty::one(Part::Text(Words::ours(text)));
        self.turns.push(Draft::User(UserTurn {
            parts,
            source: source.cloned(),
        }));
    }

    fn assistant(&mut self, view: &MessageView<'_>, source: Option<&EntryId>) {
        if view.is_mirror() {
            return self.report.note(source, Change::Mirror);
        }
        let place = self.turns.len();
        let broke_off = view.broke_off();
        let mut items = Vec::new();
        for item in turn::items(view, self.target, source, &mut self.report) {
            match item {
                DraftItem::Call(call) => self.call(call, place, source, &mut items),
                said => items.push(said),
            }
        }
        let sealed = self.target.seals_a_prefix() && items.iter().any(DraftItem::is_sealed);
        self.turns.push(Draft::Assistant {
            items,
            broke_off,
            sealed_for: sealed.then(|| Prefix::noted(view)).flatten(),
            source: source.cloned(),
        });
    }

    fn call(
        &mut self,
        mut call: DraftCall,
        turn: usize,
        source: Option<&EntryId>,
        items: &mut Vec<DraftItem>,
    ) {
        let written = call.id.as_str().to_owned();
        if self
            .ids
            .latest
            .get(&written)
            .is_some_and(|&(earlier, _)| earlier == turn)
        {
            // No result could tell the two apart.
            return self.report.note(source, Change::DroppedCall);
        }
        let unique = self.ids.unique(&written);
        if unique != written {
            self.report.note(source, Change::RenamedCall);
            call.id = Words::ours(unique);
        }
        self.ids.latest.insert(written, (turn, items.len()));
        items.push(DraftItem::Call(call));
    }

    fn tool_result(&mut self, view: &MessageView<'_>, source: Option<&EntryId>) {
        let id = view.tool_call_id().unwrap_or_default();
        let place = self.ids.latest.get(id.as_ref()).copied();
        let result = turn::result(view, self.target, source, &mut self.report);
        let last = self.turns.len().saturating_sub(1);
        let change = match place.and_then(|(turn, item)| Some((turn, self.open_call(turn, item)?)))
        {
            None => Some(Change::OrphanResult),
            Some((_, slot)) if slot.is_some() => Some(Change::DuplicateResult),
            Some((turn, slot)) => {
                *slot = Some(result);
                (turn != last).then_some(Change::MovedResult)
            }
        };
        if let Some(change) = change {
            self.report.note(source, change);
        }
    }

    /// The place for the result of the call at `item` of `turn`.
    fn open_call(&mut self, turn: usize, item: usize) -> Option<&mut Option<CallResult>> {
        match self.turns.get_mut(turn)? {
            Draft::Assistant { items, .. } => match items.get_mut(item)? {
                DraftItem::Call(call) => Some(&mut call.result),
                DraftItem::Block(_) => None,
            },
            Draft::User(_) => None,
        }
    }

    fn finish(self) -> (Conversation, ProjectionReport) {
        let mut report = self.report;
        let mut exchanges = Vec::with_capacity(self.turns.len());
        // Digesting costs as much as reading; it ends with the last reply that asks for it.
        let mut shown = Shown::default();
        let digested = self.turns.iter().rposition(|turn| {
            matches!(
                turn,
                Draft::Assistant {
                    sealed_for: Some(_),
                    ..
                }
            )
        });
        for (place, turn) in self.turns.into_iter().enumerate() {
            let exchange = match turn {
                Draft::User(turn) => Some(Exchange::User(turn)),
                Draft::Assistant {
                    mut items,
                    broke_off,
                    sealed_for,
                    source,
                } => {
                    if sealed_for.is_some_and(|prefix| prefix != shown.prefix()) {
                        report.note(source.as_ref(), Change::StalePrefix);
                        turn::unseal(&mut items);
                    }
                    close(items, broke_off, source.as_ref(), &mut report).map(Exchange::Assistant)
                }
            };
            if let Some(exchange) = exchange {
                if digested.is_some_and(|last| place < last) {
                    shown.exchange(&exchange);
                }
                exchanges.push(exchange);
            }
        }
        let system = self.system.finish();
        (Conversation { system, exchanges }, report)
    }
}

/// Gives every call its result; leaves the turn out if nothing is left of it.
fn close(
    items: Vec<DraftItem>,
    broke_off: bool,
    source: Option<&EntryId>,
    report: &mut ProjectionReport,
) -> Option<AssistantTurn> {
    let mut closed = Vec::with_capacity(items.len());
    for item in items {
        match item {
            DraftItem::Block(block) => closed.push(Item::Block(block)),
            DraftItem::Call(call) if call.result.is_none() && broke_off => {
                report.note(source, Change::DroppedCall);
            }
            DraftItem::Call(call) => {
                closed.push(Item::Call(finish_call(call, source, report)));
            }
        }
    }
    let only_thought = !closed.is_empty();
    let turn = AssistantTurn::new(closed, source.cloned());
    if turn.is_none() {
        report.note(
            source,
            if only_thought {
                Change::DroppedThinking
            } else {
                Change::EmptyMessage
            },
        );
    }
    turn
}

fn finish_call(call: DraftCall, source: Option<&EntryId>, report: &mut ProjectionReport) -> Call {
    let result = call.result.unwrap_or_else(|| {
        report.note(source, Change::OutcomeUnknown);
        CallResult {
            content: NonEmpty::one(Part::Text(Words::ours(words::OUTCOME_UNKNOWN))),
            is_error: true,
            outcome: Outcome::Unknown,
            source: None,
        }
    });
    Call {
        id: call.id,
        name: call.name,
        arguments: call.arguments,
        signature: call.signature,
        result,
    }
}

#[cfg(test)]
mod tests;
