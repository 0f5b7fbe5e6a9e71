//! What is held, waited for and asked for, in words. Whatever comes from a file or another process is escaped.

use std::path::Path;
use std::time::Duration;

use latchwork::filelock::{
    FolderView, Grant, How, LockView, Occupied, PeerLockSeen, PeerOwner, Waiter, Waits,
};
use latchwork::format::time::{iso_from_millis, millis_from_iso};
use latchwork::lock::Holder;

use crate::output::Output;
use crate::who::state_in_words;

/// A folder.
pub(crate) fn folder(output: &mut Output, view: &FolderView, folder: Option<&Path>) {
    let place = folder.map_or_else(String::new, |folder| format!(" in {}", folder.display()));
    output.line(format!(
        "{} of {} sessions{place}: held, waited for or asked for",
        view.sessions.len(),
        view.of
    ));
    for seen in &view.sessions {
        output.line("");
        output.line(seen.session.escape_debug());
        session(output, seen);
    }
    if !view.grants.is_empty() {
        output.line("");
        output.line("the last grants, the newest first:");
        for (name, one) in view.grants.iter().rev() {
            output.line(format!("  {}  {}", grant(one), name.escape_debug()));
        }
    }
}

/// What is going on in one session; nothing where it is idle.
pub(crate) fn session(output: &mut Output, view: &LockView) {
    let now = view.at_ms;
    if let Some(latch) = &view.latch {
        lock(output, "lock", latch, now);
    }
    if let Some(turn) = &view.turn {
        lock(output, "turn", &turn.by, now);
        if let Some(name) = &turn.turn {
            output.line(format!("          turn {name:?}, claim {}", turn.epoch));
        }
        if let Some(reason) = &turn.reason {
            output.line(format!("          taken with the reason {reason:?}"));
        }
    }
    for by in &view.wall {
        let by = process(by, now);
        output.line(format!("  wall    the transcript itself is locked by {by}"));
    }
    if let Some(seen) = &view.peer {
        output.line(format!("  peers   {}", peer(seen, now)));
    }
    for (what, waits_for) in [
        ("the lock", Waits::Latch),
        ("the turn", Waits::Turn),
        ("the turn, behind the one that asks for it", Waits::Request),
    ] {
        waiters(
            output,
            what,
            view.waiters
                .iter()
                .filter(|waiter| waiter.what == waits_for),
        );
    }
    if let Some(asked) = &view.asker {
        output.line(format!("  asked   the turn is asked for by {asked}"));
    }
}

fn lock(output: &mut Output, what: &str, seen: &Occupied, now: i64) {
    let noted = seen.holder.as_ref();
    let by_another = seen.doubt.is_some() && seen.heirs.is_empty();
    let other = seen.others.first().filter(|_| by_another);
    let by = match other.or(noted) {
        Some(by) => process(by, now),
        None => Holder::default().to_string(),
    };
    output.line(format!("  {what:<8}{by}"));
    if let Some(doubt) = seen.doubt {
        match noted {
            Some(noted) => output.line(format!("          {}: {doubt}", process(noted, now))),
            None => output.line(format!("          {doubt}")),
        }
    }
    for heir in &seen.heirs {
        let heir = process(heir, now);
        output.line(format!("          shared by inheritance: {heir}"));
    }
}

fn waiters<'v>(output: &mut Output, what: &str, waiting: impl Iterator<Item = &'v Waiter>) {
    let waiting: Vec<&Waiter> = waiting.collect();
    if waiting.is_empty() {
        return;
    }
    let count = waiting.len();
    output.line(format!("  waits   at least {count} for {what}:"));
    for waiter in waiting {
        let how = match waiter.how {
            How::Kernel => "in the kernel's queue",
            How::Looks => "looks now and then",
            _ => "has said so, and may have given up",
        };
        output.line(format!("          {} ({how})", process(&waiter.by, 0)));
    }
}

fn peer(seen: &PeerLockSeen, now: i64) -> String {
    let by = process(&seen.holder, now);
    let file = seen.path.file_name().unwrap_or_default().to_string_lossy();
    let file = file.escape_debug();
    match (seen.is_ours, seen.owner) {
        (_, owner) if owner.is_dead() => {
            format!("{file} was left behind by {by}; whoever takes the lock next removes it")
        }
        (true, _) => format!("{file} is ours; {by} stands in for the holder"),
        (false, PeerOwner::HalfWritten) => {
            format!("{file} names no owner; it may be half written, and is given 30 s")
        }
        (false, _) => format!("{file} is held by {by}"),
    }
}

/// A process, with for how long it has been what it is.
pub(crate) fn process(by: &Holder, now: i64) -> String {
    let mut shown = by.clone();
    shown.state = by
        .state
        .as_deref()
        .map(|state| state_in_words(state).to_owned());
    match by.since.as_deref().and_then(millis_from_iso) {
        Some(since) if now > 0 => format!("{shown} ({})", ago(since, now)),
        _ => shown.to_string(),
    }
}

/// One record of grants.
pub(crate) fn grant(one: &Grant) -> String {
    let held = match one.held {
        Some(held) => format!("held {}", span(held)),
        None => "not given back yet".to_owned(),
    };
    let times = match one.count {
        1 => String::new(),
        count => format!(", {count} times"),
    };
    format!(
        "{}  process {} on {}, in phase {}, waited {}, {held}{times}",
        iso_from_millis(one.at_ms),
        one.pid,
        one.host.escape_debug(),
        one.phase.escape_debug(),
        span(one.waited),
    )
}

fn ago(since_ms: i64, now_ms: i64) -> String {
    span(Duration::from_millis(
        u64::try_from(now_ms.saturating_sub(since_ms)).unwrap_or(0),
    ))
}

/// A span of time, short.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        1..120 => format!("{:.1} s", time.as_secs_f64()),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::{process, span};
    use crate::who::state_in_words;
    use latchwork::lock::Holder;
    use std::time::Duration;

    #[test]
    fn a_process_is_told_with_its_state_in_a_word_and_for_how_long_and_steers_no_terminal() {
        let mut by = Holder::process(7);
        by.state = Some("T (stopped)".to_owned());
        by.phase = Some("x\u{1b}[2J".to_owned());
        by.since = Some("1970-01-01T00:00:01.000Z".to_owned());
        let told = process(&by, 3_500);
        assert!(
            told.starts_with("process 7, state stopped, in phase x\\u{1b}[2J, since"),
            "{told}"
        );
        assert!(told.ends_with("(2.5 s)"), "{told}");
        assert_eq!(state_in_words("?"), "?");
    }

    #[test]
    fn spans_are_short_whatever_their_length() {
        let told = [0, 12_345, 1_500_000, 300_000_000, 9_000_000_000]
            .map(|us| span(Duration::from_micros(us)));
        assert_eq!(told, ["0.0 ms", "12.3 ms", "1.5 s", "5 min", "2 h"]);
    }
}
