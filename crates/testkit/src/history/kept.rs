//! What must still be there: what was before, what peers wrote, what was accepted, what was forked. I-T7, I-T9, I-T1.

use super::case::{Case, Survives};
use super::entries::{Entries, shown};
use super::image::{Image, Line, contains, lines, value};
use super::story::Anew;

/// I-T7: a line that a program without locks wrote stands as it was, on its own or behind what was blanked.
pub(super) fn peers(case: &Case<'_>, entries: &Entries<'_>, broken: &mut Vec<String>) {
    for told in case
        .told
        .iter()
        .filter(|told| told.leaves() == Survives::Process)
    {
        for (when, peer, written) in &told.story.peers {
            let there = entries.lines.iter().any(|line| {
                line.own_bytes() == peer.as_slice()
                    // A repair may hang it elsewhere.
                    || (case.anew(Anew::Repair) > 0 && is_hung_elsewhere(line.value.as_deref(), peer))
                    // Glued to a fragment; it does not read, so it counts as damage there.
                    || (line.value.is_none() && line.bytes.ends_with(peer))
            });
            if *written && when.op <= told.until && !there && !is_left_out(case, peer) {
                broken.push(format!("I-T7: a peer's line is gone: {}", shown(peer)));
            }
        }
    }
}

/// A repair leaves out what is glued to a fragment of which nobody can tell whether it goes on, and what came in the very moment in
/// which the new file was put in place; both are kept.
fn is_left_out(case: &Case<'_>, peer: &[u8]) -> bool {
    let mut kept = case.now.quarantine.iter();
    let is_late = |(name, bytes): &(String, Vec<u8>)| {
        name.starts_with("late-") && bytes.split(|byte| *byte == b'\n').any(|line| line == peer)
    };
    if case.anew(Anew::Repair) > 0 && kept.any(is_late) {
        return true;
    }
    let kept = case.now.quarantine.iter();
    let mut originals = kept.filter(|(name, _)| name.starts_with("original-"));
    case.anew(Anew::Repair) > 0
        && originals.any(|(_, bytes)| {
            let glued = |line: &Line<'_>| line.value.is_none() && line.bytes.ends_with(peer);
            contains(bytes, peer) && lines(bytes).iter().any(glued)
        })
}

/// The same entry with another parent.
fn is_hung_elsewhere(now: Option<&serde_json::Value>, peer: &[u8]) -> bool {
    let (Some(now), Some(was)) = (now, value(peer)) else {
        return false;
    };
    now["id"] == was["id"] && now["message"] == was["message"]
}

/// I-T7 and I-T9 of what was planted: in its place, or, of an old version, in quarantine as a whole and as messages here.
pub(super) fn planted(case: &Case<'_>, entries: &Entries<'_>, broken: &mut Vec<String>) {
    if !Case::is_old(case.planted) || Case::is_old(case.now) {
        return same_or_written_anew(case, case.planted, "what was planted", broken);
    }
    let original = case.planted.bytes();
    let kept =
        |(name, bytes): &(String, Vec<u8>)| name.starts_with("original-") && bytes == original;
    if !case.now.quarantine.iter().any(kept) {
        broken.push("I-T9: the original of an old version is not kept".to_owned());
    }
    for line in lines(original) {
        let message = line.value.as_ref().map(|value| &value["message"]);
        let Some(message) = message.filter(|message| message.is_object()) else {
            continue;
        };
        let there = entries.lines.iter().filter_map(|line| line.value.as_ref());
        let so_many = there.filter(|now| now["message"] == *message).count();
        if so_many < 1 || so_many > 1 + case.anew(Anew::Rewrite) {
            broken.push(format!(
                "I-T7: of an old version this is not there once: {}",
                shown(line.bytes)
            ));
        }
    }
}

/// I-T7 and I-T9 of a state since then.
pub(super) fn before(case: &Case<'_>, broken: &mut Vec<String>) {
    let Some(before) = case.before else { return };
    if Case::is_old(before) && !Case::is_old(case.now) {
        let original = before.bytes();
        if !case
            .now
            .quarantine
            .iter()
            .any(|(_, bytes)| bytes == original)
        {
            broken.push("I-T9: the old version is not kept as it was".to_owned());
        }
    } else {
        same_or_written_anew(case, before, "an earlier state", broken);
    }
    for (name, bytes) in &before.quarantine {
        if !case
            .now
            .quarantine
            .iter()
            .any(|(now, kept)| now == name && kept == bytes)
        {
            broken.push(format!("I-T9: {name} is gone from quarantine"));
        }
    }
    for (name, bytes) in &before.others {
        let same = |(now, kept): &&(String, Vec<u8>)| now == name && kept == bytes;
        if !case.now.others.iter().any(|other| same(&other)) {
            broken.push(format!("I-T7: the session {name} is not what it was"));
        }
    }
    if !case.now.inbox.starts_with(&before.inbox) {
        broken.push("I-T7: the inbox is not what it was with something behind it".to_owned());
    }
}

/// The same, or, where a repair wrote the file anew, the same in one of the originals that are kept.
fn same_or_written_anew(case: &Case<'_>, was: &Image, what: &str, broken: &mut Vec<String>) {
    let mut changed = Vec::new();
    same_or_copied(was, case.now, what, &mut changed);
    if changed.is_empty() {
        return;
    }
    let originals = case.now.quarantine.iter();
    let is_kept = originals
        .filter(|(name, _)| name.starts_with("original-"))
        .any(|(_, bytes)| {
            let original = Image {
                transcript: Some(bytes.clone()),
                quarantine: case.now.quarantine.clone(),
                ..Image::default()
            };
            let mut changed = Vec::new();
            same_or_copied(was, &original, what, &mut changed);
            changed.is_empty()
        });
    if case.anew(Anew::Repair) == 0 || !is_kept {
        broken.extend(changed);
    }
}

/// Each byte is the same, or it is blank now and a copy of it lies in quarantine.
fn same_or_copied(was: &Image, now: &Image, what: &str, broken: &mut Vec<String>) {
    let Some(old) = &was.transcript else { return };
    let new = now.bytes();
    if new.len() < old.len() {
        broken.push(format!(
            "I-T7: {what} had {} bytes, now there are {}",
            old.len(),
            new.len()
        ));
        return;
    }
    if new.starts_with(old) {
        return;
    }
    let mut covered = vec![false; old.len()];
    for (name, bytes) in &now.quarantine {
        let place = name
            .strip_prefix("at-")
            .and_then(|rest| rest.split('-').next());
        let Some(place) = place.and_then(|place| place.parse::<usize>().ok()) else {
            continue;
        };
        for (index, byte) in bytes.iter().enumerate() {
            if old.get(place + index) == Some(byte) {
                covered[place + index] = true;
            }
        }
    }
    let lost = old
        .iter()
        .zip(new)
        .enumerate()
        .find(|(at, (old, new))| old != new && !(b" \0".contains(*new) && covered[*at]));
    if let Some((at, (old, new))) = lost {
        let what = format!("byte {at} of {what} was {old:#04x} and is {new:#04x}");
        broken.push(if *new == b' ' {
            format!("I-T9: {what}, and no copy of it is kept")
        } else {
            format!("I-T7: {what}")
        });
    }
}

/// I-T1 of the inbox: an accepted message has a record with its very text.
pub(super) fn accepted(case: &Case<'_>, broken: &mut Vec<String>) {
    for told in case.told {
        for one in &told.story.accepted {
            if one.acked.is_none_or(|when| when.op > told.until) {
                continue;
            }
            let there = case.now.inbox.split(|byte| *byte == b'\n').any(|line| {
                contains(line, &one.body)
                    && value(line).is_some_and(|record| record["key"] == *one.key)
            });
            if !there {
                broken.push(format!(
                    "I-T1: the message {} was accepted and is not in the inbox",
                    one.key
                ));
            }
        }
    }
}

/// I-T1 and I-T5 of forks: what was answered is there, and whatever is there is whole.
pub(super) fn forks(case: &Case<'_>, broken: &mut Vec<String>) {
    for told in case.told {
        for fork in &told.story.forks {
            let file = case.now.others.iter().find(|(name, _)| *name == fork.to);
            let acked = fork.acked.is_some_and(|when| when.op <= told.until);
            match file {
                None if acked => broken.push(format!("I-T1: the fork {} is not there", fork.to)),
                Some((_, bytes)) if !is_whole(bytes) => {
                    broken.push(format!("I-T5: the fork {} is not whole", fork.to));
                }
                _ => {}
            }
        }
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let lines = lines(bytes);
    let header = lines.first().and_then(|line| line.value.as_ref());
    header.is_some_and(|header| header["type"] == "session")
        && lines.iter().all(|line| line.ended && line.value.is_some())
}
