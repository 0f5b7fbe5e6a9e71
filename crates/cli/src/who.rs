//! Who holds something, and who asks for it, for programs: JSON in which every field stands, `null` where it is not known.
//!
//! Durations are numbers in milliseconds, under names that say so; moments are RFC 3339. What other processes wrote down of
//! themselves is passed on as it is (the output makes it harmless), but for moments: what is none is not known.

use latchwork::filelock::Occupied;
use latchwork::format::time::{iso_from_millis, millis_from_iso};
use latchwork::lock::{Asker, Holder};
use serde_json::{Value, json};

/// A process.
pub(crate) fn holder(holder: &Holder) -> Value {
    json!({
        "pid": holder.pid,
        "host": holder.host,
        "state": holder.state.as_deref().map(state_in_words),
        "command": holder.command,
        "phase": holder.phase,
        "since": moment(holder.since.as_deref()),
    })
}

/// A lock that is held: who wrote itself down, whether that is proven, and who else has it.
pub(crate) fn occupied(occupied: &Occupied) -> Value {
    let doubt = occupied
        .doubt
        .map(|doubt| json!({ "kind": doubt.name(), "words": doubt.to_string() }));
    let all = |holders: &[Holder]| -> Vec<Value> { holders.iter().map(holder).collect() };
    json!({
        "path": occupied.path.to_string_lossy(),
        "holder": occupied.holder.as_ref().map(holder),
        "heldMs": occupied.held_for.map(millis),
        "doubt": doubt,
        "heirs": all(&occupied.heirs),
        "others": all(&occupied.others),
    })
}

/// A standing request for a turn. A damaged one is told to be that, and has no words.
pub(crate) fn asker(asker: &Asker) -> Value {
    let wish = asker.wish.as_ref();
    json!({
        "by": holder(&asker.by),
        "since": moment(asker.by.since.as_deref()),
        "turn": wish.map(|wish| &wish.turn),
        "reason": wish.map(|wish| &wish.reason),
        "graceMs": wish.map(|wish| millis(wish.grace)),
        "graceEnds": wish.and_then(|wish| moment(wish.grace_ends.as_deref())),
        "damaged": wish.is_none(),
    })
}

/// The kernel's letter for the state of a process in a word; other words stay as they are.
pub(crate) fn state_in_words(state: &str) -> &str {
    match state {
        "R" => "running",
        "S" | "I" => "sleeping",
        "D" => "waiting for a device",
        "T (stopped)" => "stopped",
        "t (stopped)" => "stopped by a debugger",
        "Z (ended)" => "ended, and not yet noticed by its parent (zombie)",
        other => other,
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn moment(text: Option<&str>) -> Option<String> {
    text.and_then(millis_from_iso).map(iso_from_millis)
}

#[cfg(test)]
mod tests {
    use latchwork::lock::{Asker, Holder};
    use serde_json::Value;

    #[test]
    fn every_field_stands_and_what_is_no_moment_is_not_known() {
        let mut told = Holder::process(7);
        told.since = Some("2026-05-19T10:12:44.102+02:00".to_owned());
        let shown = super::holder(&told);
        assert_eq!(shown["since"], "2026-05-19T08:12:44.102Z");
        told.since = Some("\u{1b}[2J yesterday".to_owned());
        let shown = super::holder(&told);
        assert_eq!((&shown["pid"], &shown["since"]), (&7.into(), &Value::Null));
        let keys = ["pid", "host", "state", "command", "phase", "since"];
        assert_eq!(shown.as_object().unwrap().len(), keys.len());
        assert!(keys.iter().all(|key| shown.get(key).is_some()));
    }

    #[test]
    fn a_damaged_request_is_told_to_be_that_and_has_no_words() {
        let shown = super::asker(&Asker::default());
        assert_eq!(shown["damaged"], true);
        assert!(shown["reason"].is_null() && shown["graceEnds"].is_null());
    }
}
