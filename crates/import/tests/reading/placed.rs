//! Items placed in a transcript in memory, as a store would place them.

use latchwork_format::{EntryId, Mark, RawEntry, RawLine, line};
use latchwork_import::{Diff, DiffReport, Follows, Item, Reader, SourceKind, Summary};

/// Every item of a source, and what the source was.
pub(crate) fn read(kind: SourceKind, source: &[u8]) -> (Vec<Item>, Summary) {
    drain(Reader::lines(kind, source))
}

pub(crate) fn drain(mut reader: Reader<'_>) -> (Vec<Item>, Summary) {
    let mut items = Vec::new();
    while let Some(item) = reader.advance().unwrap() {
        items.push(item);
    }
    (items, reader.summary())
}

/// The items as entries.
pub(crate) fn placed(items: &[Item]) -> Vec<RawEntry> {
    let mut ids: Vec<Option<EntryId>> = Vec::new();
    let mut last = None;
    let mut entries = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let id = EntryId::new(format!("{index:08x}"));
        let id_of = |number: u64| ids.get(usize::try_from(number).unwrap()).cloned().flatten();
        let parent = match item.follows {
            Follows::Nothing => None,
            Follows::Item(number) => Some(id_of(number).expect("what is followed came before")),
            Follows::Anything => last.clone(),
        };
        let body = item.body_with(id_of).expect("what is named came before");
        let mark = Mark::keyed(&item.key);
        let bytes = line(
            &id,
            parent.as_ref(),
            "2026-01-01T00:00:00.000Z",
            Some(&mark),
            &body,
        )
        .unwrap();
        let RawLine::Entry(entry) = RawLine::parse(bytes.trim_ascii_end()).unwrap() else {
            panic!("an entry");
        };
        if let Some(number) = item.number {
            let number = usize::try_from(number).unwrap();
            ids.resize(ids.len().max(number + 1), None);
            ids[number] = Some(id.clone());
        }
        last = Some(id);
        entries.push(entry);
    }
    entries
}

/// Those of the active branch that a model is shown: the last message and what is above it.
pub(crate) fn branch(entries: &[RawEntry]) -> Vec<RawEntry> {
    let mut at = entries.iter().rev().find(|entry| entry.message().is_some());
    let mut branch = Vec::new();
    while let Some(entry) = at {
        branch.push(entry.clone());
        at = entries
            .iter()
            .find(|above| Some(above.id()) == entry.parent());
    }
    branch.reverse();
    branch.retain(|entry| entry.message().is_some());
    branch
}

pub(crate) fn held(
    kind: SourceKind,
    session: &str,
    items: &[Item],
    entries: &[RawEntry],
) -> DiffReport {
    let mut diff = Diff::of(kind, session);
    entries.iter().for_each(|entry| diff.see(entry));
    items.iter().for_each(|item| diff.hold(item));
    diff.end()
}

/// A line in short: who, and what.
pub(crate) fn shown(entry: &RawEntry) -> String {
    let Some(message) = entry.message() else {
        return entry.kind().to_string();
    };
    let calls: Vec<String> = message
        .tool_calls()
        .iter()
        .map(|call| {
            format!(
                "{}({})",
                call.name.as_deref().unwrap(),
                call.id.as_deref().unwrap()
            )
        })
        .collect();
    let answers = message
        .tool_call_id()
        .map_or_else(String::new, |id| format!("<{id}>"));
    format!(
        "{}{answers}: {}{}",
        message.role(),
        message.text(),
        calls.join(",")
    )
}

pub(crate) fn shown_all(entries: &[RawEntry]) -> Vec<String> {
    entries.iter().map(shown).collect()
}
