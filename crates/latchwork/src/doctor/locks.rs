//! The lock files of peers, `<name>.jsonl.lock`, with the facts in the words of OpenClaw's own doctor.

use std::path::Path;

use latchwork_filelock::{PeerLockSeen, PeerOwner};
use latchwork_transcript::Place;

use super::catalogue::{
    LOCK_BLOCKED, LOCK_DEAD, LOCK_ELSEWHERE, LOCK_HELD, LOCK_OLD, LOCK_UNFINISHED,
};
use super::exam::Exam;
use super::finding::Finding;
use super::open::{Open, Remedy};

/// Looks at the lock file at a path.
pub(super) fn lock_file(exam: &Exam, place: Option<&Place>, path: &Path, opens: &mut Vec<Open>) {
    let seen = match exam.latches.see_peer_lock(path) {
        Ok(Some(seen)) => seen,
        // Given back since it was listed.
        Ok(None) => return,
        Err(error) => {
            let finding = Finding::new(&LOCK_BLOCKED, error.to_string()).at(path);
            opens.push(Open::told(of(finding, place)));
            return;
        }
    };
    exam.seen.lock_of(seen.is_ours);
    let is_old = seen.age_ms.is_some_and(|age| age > exam.stale_ms);
    let sort = match seen.owner {
        owner if owner.is_dead() => &LOCK_DEAD,
        PeerOwner::HalfWritten => &LOCK_UNFINISHED,
        // Whoever has the session's latch can prove that none of ours holds this one.
        PeerOwner::Elsewhere => &LOCK_ELSEWHERE,
        _ if is_old => &LOCK_OLD,
        _ => &LOCK_HELD,
    };
    let verdict = match seen.owner {
        PeerOwner::Gone => "its owner has ended",
        PeerOwner::NeverFinished => "it names no owner and nobody writes it any more",
        PeerOwner::HalfWritten => "it names no owner yet",
        PeerOwner::Elsewhere => "its owner may live in another pid namespace",
        PeerOwner::Alive => "its owner is there",
    };
    let finding = Finding::new(
        sort,
        format!("{verdict}: {}; {}", as_openclaw_says(&seen), seen.holder),
    )
    .at(path)
    .fact("pid", seen.holder.pid)
    .fact("alive", seen.alive)
    .fact("ageMs", seen.age_ms)
    .fact("staleReasons", seen.stale_reasons.clone())
    .fact("writtenByUs", seen.is_ours);
    let finding = of(finding, place);
    opens.push(match place.filter(|_| seen.owner.is_dead()) {
        Some(place) => Open::with(finding, Remedy::PeerLock(path.to_path_buf())).under(place),
        None => Open::told(finding),
    });
}

fn of(finding: Finding, place: Option<&Place>) -> Finding {
    match place {
        Some(place) => finding.of(&place.stem),
        None => finding,
    }
}

/// `pid=41822 (dead) age=3m4s stale=yes (dead-pid)`
fn as_openclaw_says(seen: &PeerLockSeen) -> String {
    let pid = match (seen.holder.pid, seen.alive) {
        (Some(pid), Some(true)) => format!("pid={pid} (alive)"),
        (Some(pid), _) => format!("pid={pid} (dead)"),
        (None, _) => "pid=missing".to_owned(),
    };
    let age = seen.age_ms.map_or_else(|| "unknown".to_owned(), age);
    let stale = if seen.stale_reasons.is_empty() {
        "no".to_owned()
    } else {
        format!("yes ({})", seen.stale_reasons.join(", "))
    };
    format!("{pid} age={age} stale={stale}")
}

fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ => format!("{}h{}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn an_age_is_written_as_openclaw_writes_it() {
        assert_eq!(age(12_400), "12s");
        assert_eq!(age(184_000), "3m4s");
        assert_eq!(age(7_500_000), "2h5m");
    }
}
