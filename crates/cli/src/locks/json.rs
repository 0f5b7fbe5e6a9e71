//! What is held, waited for and asked for, as JSON: the schema stands in `docs/locks-view.md`.

use std::path::Path;
use std::time::Duration;

use latchwork::filelock::{
    FolderView, Grant, How, LockView, PeerLockSeen, PeerOwner, TurnSeen, Waiter, Waits,
};
use latchwork::format::time::iso_from_millis;
use serde_json::{Value, json};

use crate::who;

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
            fields.retain(|name, _| !matches!(name.as_str(), "at" | "heldMs" | "of"));
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
    let waiters: Vec<Value> = view.waiters.iter().map(waits).collect();
    let wall: Vec<Value> = view.wall.iter().map(who::holder).collect();
    let grants: Vec<Value> = view.grants.iter().map(grant).collect();
    json!({
        "session": view.session,
        "path": view.transcript,
        "lock": view.latch.as_ref().map(who::occupied),
        "turn": view.turn.as_ref().map(turn),
        "transcriptLockedBy": wall,
        "peerLock": view.peer.as_ref().map(peer),
        "waitersAtLeast": waiters.len(),
        "waiters": waiters,
        "asked": view.asker.as_ref().map(who::asker),
        "grants": grants,
    })
}

fn turn(seen: &TurnSeen) -> Value {
    let mut value = who::occupied(&seen.by);
    value["turn"] = json!(seen.turn);
    value["epoch"] = json!(seen.epoch);
    value["reason"] = json!(seen.reason);
    value
}

fn peer(seen: &PeerLockSeen) -> Value {
    json!({
        "path": seen.path,
        "holder": who::holder(&seen.holder),
        "ours": seen.is_ours,
        "owner": match seen.owner {
            PeerOwner::Alive => "alive",
            PeerOwner::Elsewhere => "elsewhere",
            PeerOwner::Gone | PeerOwner::NeverFinished => "leftBehind",
            PeerOwner::HalfWritten => "halfWritten",
        },
    })
}

fn waits(seen: &Waiter) -> Value {
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
        "process": who::holder(&seen.by),
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
