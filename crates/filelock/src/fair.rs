//! Letting other processes have their turn.
//!
//! A process that gives a latch back and wants it again would always be faster than the one that the kernel is just waking
//! up, and have the latch for itself for as long as it likes. So whoever waits says so in the latch file, by a word below
//! the note; who finds another word there, with the latch in hand, knows that it is wanted; and who knows that waits in the
//! kernel next time, behind those who wait already, instead of trying first. Nobody decides anything by it: the kernel's
//! lock does. Invariant: a latch into which nobody else has written costs no call more.
//!
//! It is said again now and then for as long as the wait lasts, since a word that was there before is no news to whoever came
//! later; and what was believed when a latch was taken is believed until some time after it was given back, however long it
//! was held. Without either a waiter could be kept out for as long as others are greedy (`docs/locks-checked.md`).
//!
//! Limit: among those who wait, the kernel decides; it wakes all and the first that runs has the lock.

use std::time::{Duration, Instant};

use latchwork_sys::{DiskFile, FileFacts, System};

use crate::grants::{self, RING};
use crate::locked::OpenFile;
use crate::note;

/// Where in the latch file it is said that somebody waits: behind the note and what is remembered of peers.
const SAID_AT: u64 = 1_000;
/// How long the word is, in bytes.
pub(crate) const WORD: usize = 16;
/// After so long it is said for the second time, and how long it takes at most from one time to the next.
pub(crate) const SAID_AGAIN: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(1));
/// Where the ring of grants begins, from there, and the bytes up to its end.
const GRANTS_AT: usize = (grants::AT - SAID_AT) as usize;
const BOTH: usize = GRANTS_AT + RING;
/// For how long it is believed that others want a latch, once it was seen, or was given back since.
const BELIEVED: Duration = Duration::from_millis(50);
/// A wait in the kernel that is shorter than this was for nobody.
const FOR_NOBODY: Duration = Duration::from_micros(200);

/// Whether others want this latch too, as far as this process has seen.
pub(crate) fn is_wanted(latch: &OpenFile) -> bool {
    latch.wanted.is_some_and(|seen| seen.elapsed() < BELIEVED)
}

/// Says in a latch file that somebody is about to wait for it. Best effort: it is for fairness alone.
pub(crate) fn say_that_one_waits(latch: &dyn DiskFile, system: &System) {
    let moment = system.clock.monotonic().as_nanos();
    let word = format!(
        "{:08x}{:08x}",
        system.processes.own().pid,
        moment & 0xffff_ffff
    );
    let _ = latch.write_at(word.as_bytes(), SAID_AT);
}

/// Remembers what a wait in the kernel has shown.
pub(crate) fn has_waited(latch: &mut OpenFile, waited: Duration) {
    latch.wanted = (waited >= FOR_NOBODY).then(Instant::now);
}

/// Remembers what can be seen of a latch that is held: whether somebody has said since that he waits; and the last grants,
/// which stand behind that.
pub(crate) fn look(latch: &mut OpenFile, found: &FileFacts) {
    if !is_wanted(latch) {
        latch.wanted = None;
    }
    let untouched = latch
        .noted
        .as_ref()
        .is_some_and(|noted| noted.is_last(found));
    if untouched {
        return;
    }
    let mut bytes = [0; BOTH];
    let length = latch.get().read_at(&mut bytes, SAID_AT).unwrap_or(0);
    let read = bytes.get(..length).unwrap_or_default();
    latch.tally.saw(read.get(GRANTS_AT..).unwrap_or_default());
    hear(latch, read);
}

/// The same after something was written into a latch that is held: a word that was said meanwhile would be taken for ours.
pub(crate) fn look_again(latch: &mut OpenFile) {
    note::still_stands(latch);
    let mut word = [0; WORD];
    let length = latch.get().read_at(&mut word, SAID_AT).unwrap_or(0);
    hear(latch, word.get(..length).unwrap_or_default());
}

/// Who waits, as it stands in the file by its pid, if that can be read.
pub(crate) fn said_by(file: &dyn DiskFile) -> Option<u32> {
    let mut word = [0; WORD];
    if file.read_at(&mut word, SAID_AT).ok()? < WORD {
        return None;
    }
    let pid = std::str::from_utf8(word.get(..WORD / 2)?).ok()?;
    u32::from_str_radix(pid, 16).ok().filter(|pid| *pid > 0)
}

fn hear(latch: &mut OpenFile, read: &[u8]) {
    // A hole before what stands behind it is no word.
    let said = read.first_chunk::<WORD>().copied();
    let said = said.filter(|word| *word != [0; WORD]);
    if latch.noted.is_some() && said != latch.said {
        latch.wanted = Some(Instant::now());
    }
    latch.said = said;
}

/// Belief does not end while a latch is held: whoever waited when it was taken is likely to wait still.
pub(crate) fn is_given_back(latch: &mut OpenFile) {
    if latch.wanted.is_some() {
        latch.wanted = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use latchwork_lock::Phase;
    use latchwork_sys::OpenHow;

    use super::*;
    use crate::note::note_holder;

    #[test]
    fn a_latch_is_wanted_for_a_while_once_another_has_said_that_it_waits() {
        let dir = tempfile::tempdir().unwrap();
        let (system, path) = (System::real(), dir.path().join("l"));
        let how = OpenHow::updating().or_create();
        let open = || OpenFile::new(system.disk.open(&path, &how).unwrap().into());
        let (mut ours, other) = (open(), open());
        let hold = |latch: &mut OpenFile| {
            let found = system.disk.facts(&path).unwrap();
            look(latch, &found);
            note_holder(latch, &found, &Phase::SIDE, &system);
            is_wanted(latch)
        };
        assert!(!hold(&mut ours), "nobody has been there");
        assert!(!hold(&mut ours), "what we wrote ourselves is nobody else's");

        std::thread::sleep(Duration::from_millis(10));
        say_that_one_waits(&**other.get(), &system);
        assert!(hold(&mut ours));
        std::thread::sleep(BELIEVED);
        assert!(!is_wanted(&ours));
        ours.get().write_at(b"something else", 600).unwrap();
        assert!(!hold(&mut ours), "another touched it and does not wait");

        say_that_one_waits(&**other.get(), &system);
        assert!(hold(&mut ours));
        std::thread::sleep(BELIEVED);
        is_given_back(&mut ours);
        assert!(is_wanted(&ours), "however long the hold was");
        std::thread::sleep(BELIEVED);
        assert!(!hold(&mut ours));
        is_given_back(&mut ours);
        assert!(!is_wanted(&ours), "that was before this hold");

        has_waited(&mut ours, FOR_NOBODY);
        assert!(is_wanted(&ours));
        has_waited(&mut ours, Duration::ZERO);
        assert!(!is_wanted(&ours));
    }
}
