//! What is held, waited for and asked for, as JSON: the schema stands in `docs/locks-view.md`.

use std::path::Path;
use std::time::Duration;

use latchwork::filelock::{
    FolderView, Grant, How, LockView, Occupied, PeerLockSeen, PeerOwner, RequestSeen, TurnSeen,
    Waiter, Waits,
};
use latchwork::format::time::{iso_from_millis, millis_from_iso};
use latchwork::lock::Holder;
use serde_json::{Value, json};

use super::words::state_in_words;

/// A folder.
pub(crate) fn folder(view: &FolderView, folder: Option<&Path>) -> Value {
    let sessions: Vec<Value> = view.sessions.iter().map(session).collect();
    let grants: Vec<Value> = view
        .grants
        .iter()
        .map(|(session, one)| {
            let mut value = grant(one);
            value["session"] = json!(session);
            value
        })
        .collect();
    json!({
        "at": iso_from_millis(view.at_ms),
        "folder": folder,
        "of": view.of,
        "sessions": sessions,
        "grants": grants,
    })
}

/// The same without what changes by itself from look to look.
pub(crate) fn what_matters(view: &FolderView) -> Value {
    let mut value = folder(view, None);
    forget(&mut value);
    value
}

/// Times that pass, and whether somebody runs or sleeps just now.
fn forget(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !matches!(name.as_str(), "at" | "forMs" | "of"));
            if let Some(Value::String(state)) = fields.get_mut("state")
                && matches!(
                    state.as_str(),
                    "running" | "sleeping" | "waiting for a device"
                )
            {
                "alive".clone_into(state);
            }
            fields.values_mut().for_each(forget);
        }
        Value::Array(values) => values.iter_mut().for_each(forget),
        _ => {}
    }
}

/// One session.
pub(crate) fn session(view: &LockView) -> Value {
    let now = view.at_ms;
    let waiters: Vec<Value> = view
        .waiters
        .iter()
        .map(|waiter| waits(waiter, now))
        .collect();
    let wall: Vec<Value> = view.wall.iter().map(|by| holder(by, now)).collect();
    let grants: Vec<Value> = view.grants.iter().map(grant).collect();
    json!({
        "session": view.session,
        "path": view.transcript,
        "lock": view.latch.as_ref().map(|latch| occupied(latch, now)),
        "turn": view.turn.as_ref().map(|seen| turn(seen, now)),
        "transcriptLockedBy": wall,
        "peerLock": view.peer.as_ref().map(|seen| peer(seen, now)),
        "waitersAtLeast": waiters.len(),
        "waiters": waiters,
        "request": view.request.as_ref().map(|seen| request(seen, now)),
        "grants": grants,
    })
}

fn occupied(seen: &Occupied, now: i64) -> Value {
    let all =
        |holders: &[Holder]| -> Vec<Value> { holders.iter().map(|by| holder(by, now)).collect() };
    json!({
        "holder": seen.holder.as_ref().map(|by| holder(by, now)),
        "proven": seen.doubt.is_none(),
        "doubt": seen.doubt.map(|doubt| doubt.to_string()),
        "sharedBy": all(&seen.heirs),
        "others": all(&seen.others),
    })
}

fn turn(seen: &TurnSeen, now: i64) -> Value {
    let mut value = occupied(&seen.by, now);
    value["turn"] = json!(seen.turn);
    value["epoch"] = json!(seen.epoch);
    value["reason"] = json!(seen.reason);
    value
}

fn peer(seen: &PeerLockSeen, now: i64) -> Value {
    json!({
        "path": seen.path,
        "holder": holder(&seen.holder, now),
        "ours": seen.is_ours,
        "owner": match seen.owner {
            PeerOwner::Alive => "alive",
            PeerOwner::Elsewhere => "elsewhere",
            PeerOwner::Gone | PeerOwner::NeverFinished => "leftBehind",
            PeerOwner::HalfWritten => "halfWritten",
        },
    })
}

fn waits(seen: &Waiter, now: i64) -> Value {
    json!({
        "for": match seen.what {
            Waits::Latch => "lock",
            Waits::Turn => "turn",
            _ => "request",
        },
        "how": match seen.how {
            How::Kernel => "kernel",
            How::Looks => "looks",
            _ => "said",
        },
        "process": holder(&seen.by, now),
    })
}

fn request(seen: &RequestSeen, now: i64) -> Value {
    json!({
        "by": holder(&seen.by, now),
        "turn": seen.turn,
        "reason": seen.reason,
        "since": iso_from_millis(seen.at_ms),
        "forMs": now.saturating_sub(seen.at_ms),
        "graceMs": millis(seen.grace),
    })
}

/// A holder or a waiter.
pub(crate) fn holder(by: &Holder, now: i64) -> Value {
    let since = by.since.as_deref().and_then(millis_from_iso);
    json!({
        "pid": by.pid,
        "host": by.host,
        "state": by.state.as_deref().map(state_in_words),
        "command": by.command,
        "phase": by.phase,
        "since": by.since,
        "forMs": since.map(|since| now.saturating_sub(since)),
    })
}

/// One record of grants.
pub(crate) fn grant(one: &Grant) -> Value {
    json!({
        "at": iso_from_millis(one.at_ms),
        "pid": one.pid,
        "host": one.host,
        "phase": one.phase,
        "count": one.count,
        "waitedMs": millis(one.waited),
        "heldMs": one.held.map(millis),
        "spanMs": millis(one.span),
    })
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
