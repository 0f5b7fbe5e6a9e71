//! What can be done about whoever is in the way: the remedies that the errors name, for what is seen now.

use latchwork::filelock::{LockView, NotProven, Occupied, PeerOwner, what_to_do};
use latchwork::lock::Holder;

/// One line for each thing that is in the way; `name`: how the session is typed.
pub(crate) fn of(view: &LockView, name: Option<&str>) -> Vec<String> {
    let name = name.unwrap_or("SESSION").escape_debug().to_string();
    let mut lines = Vec::new();
    if let Some(latch) = &view.latch {
        lines.push(format!("the lock: {}", about(latch)));
        if latch.is_proven() {
            lines.push(format!("`latchwork unlock {name} --kill` ends its holder"));
        }
    }
    for by in &view.wall {
        lines.push(format!("the transcript: {}", what_to_do(by)));
    }
    if let Some(peer) = view.peer.as_ref().filter(|peer| !peer.is_ours) {
        lines.push(match peer.owner {
            owner if owner.is_dead() => "the peers' lock file: nothing; the next of us that takes the lock removes it".to_owned(),
            PeerOwner::HalfWritten => "the peers' lock file: wait 30 s; if it names no owner then, it is removed by the next of us".to_owned(),
            _ => format!("the peers' lock file: {}", what_to_do(&peer.holder)),
        });
    }
    if let Some(turn) = &view.turn {
        let stopped = holder(&turn.by).filter(|by| is_stopped(by));
        if let Some(by) = stopped {
            lines.push(format!("the turn: {}", what_to_do(by)));
        }
        lines.push("the turn: wait for it (`run --wait 5min`), leave the message (`run --queue`), have it yield (`run --hand-over REASON`), or end it (`run --take-over REASON`)".to_owned());
        lines.push(format!(
            "`latchwork watch {name}` shows what that turn does; `latchwork fork {name} NEW` begins a session of your own from what was said"
        ));
    }
    if lines.is_empty() {
        lines.push("nothing: nobody is in the way".to_owned());
    }
    lines
}

fn about(seen: &Occupied) -> String {
    match seen.doubt {
        Some(NotProven::Ended) if !seen.heirs.is_empty() => {
            "the one that took it has ended, and left it to the processes that share it: wait for them, or end them".to_owned()
        }
        _ => what_to_do(holder(seen).unwrap_or(&Holder::default())),
    }
}

/// The process that wrote itself down; where that is not the holder, the one that is, by the kernel's word.
fn holder(seen: &Occupied) -> Option<&Holder> {
    let by_another = seen.doubt.is_some() && seen.heirs.is_empty();
    let other = seen.others.first().filter(|_| by_another);
    other.or(seen.holder.as_ref())
}

fn is_stopped(by: &Holder) -> bool {
    by.state
        .as_deref()
        .is_some_and(|state| state.starts_with(['T', 't']))
}
