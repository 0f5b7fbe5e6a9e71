//! Every sort of finding: its id, how bad it is, why it matters, and what a repair does about it.
//!
//! `docs/doctor.md` has a row for each, and a test that none is missing. Ids are stable: a script may rely on them.
//! Deliberately absent: looking for any of them.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is wrong; it is told because one may want to know.
    Note,
    /// Something is left behind, or will hurt later.
    Warning,
    /// Something does not work, or is about to be lost.
    Error,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A sort of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Sort {
    /// Its name, for programs.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Why it matters.
    pub why: &'static str,
    /// What a repair does; `None` if it does nothing.
    pub fix: Option<&'static str>,
}

macro_rules! sorts {
    ($($name:ident: $id:literal, $severity:ident, $why:literal, $fix:expr;)*) => {
        $(
            #[doc = concat!("`", $id, "`")]
            pub(super) static $name: Sort = Sort { id: $id, severity: Severity::$severity, why: $why, fix: $fix };
        )*
        /// All of them, in the order of the documentation.
        pub static SORTS: &[&Sort] = &[$(&$name),*];
    };
}

const MODE: &str = "takes the permissions of group and others away";
const ASIDE: &str = "moves it into quarantine, whole";

sorts! {
    LOCK_DEAD: "lock.dead", Warning,
        "OpenClaw waits for a dead owner for as long as its own rules say, and reports the session as locked",
        Some("takes the session's lock, takes the file aside, makes sure that it is the one that was judged, and removes it");
    LOCK_HELD: "lock.held", Note, "somebody is at work on the session; a lock file is never taken from the living", None;
    LOCK_OLD: "lock.old", Warning,
        "OpenClaw takes a lock of this age from its owner though that is alive; who holds it so long hangs, or works with nothing to exclude",
        None;
    LOCK_ELSEWHERE: "lock.elsewhere", Note,
        "nobody can be judged across pid namespaces, so the owner counts as alive; OpenClaw on that side cannot see that we live either", None;
    LOCK_UNFINISHED: "lock.unfinished", Note, "it may be in the middle of being written; look again in half a minute", None;
    LOCK_BLOCKED: "lock.blocked", Error, "nobody can take the lock of this session, neither OpenClaw nor we", None;
    LEFT_LOCKS: "left.locks", Warning, "they belong to a session that is not there any more, and only make the folder longer",
        Some("takes all of their locks, and removes them if nobody has one; they hold nothing but notes on who held what");
    LEFT_HEAD: "left.head", Warning, "it belongs to a session that is not there any more", Some(ASIDE);
    LEFT_TEMPORARY: "left.temporary", Warning, "a process was killed between making the file and giving it its name; nobody will ever read it",
        Some("removes it if it is empty, else moves it into quarantine, whole");
    LEFT_IN_USE: "left.in-use", Note, "a temporary file that is young, or open, or locked, belongs to somebody who is at work", None;
    LEFT_INBOX: "left.inbox", Note, "messages that were accepted are kept though there is no transcript: a first turn answers those that wait", None;
    LEFT_UNKNOWN: "left.unknown", Note, "it is none of ours, and is left alone", None;
    FILE_KIND: "file.kind", Error, "what stands there keeps nothing or has two names, so every read or write of the session is refused", None;
    FILE_LINKS: "file.links", Error,
        "each name of the file would have a lock of its own, so every write is refused; remove the other names, or make a copy", None;
    FILE_OWNER: "file.owner", Warning, "its owner can read, change and remove it, and the kernel tells us less about who has it open", None;
    FILE_MODE: "file.mode", Warning, "other users of this machine can read or change the conversation", Some(MODE);
    FILE_UNREADABLE: "file.unreadable", Error, "the session can be neither read nor written; change its owner or its permissions", None;
    FILE_NAME: "file.name", Note, "a session's name is Unicode, at most 200 bytes long; rename the file to use it", None;
    FOLDER_MISSING: "folder.missing", Note, "it is made when the first session is", None;
    FOLDER_UNREADABLE: "folder.unreadable", Error, "no session in it can be found", None;
    FOLDER_MODE: "folder.mode", Warning, "other users of this machine can list the sessions, or put files of theirs in the way",
        Some("takes the permissions of group and others away, if every file in it is the folder's owner's");
    TRANSCRIPT_END: "transcript.end", Warning, "the last line was cut off, or lacks its newline; the next writer puts that in order first",
        Some("does what the next writer would: closes the line, keeps a copy of a fragment in quarantine, overwrites it with spaces; a whole entry behind it is rescued");
    TRANSCRIPT_DAMAGED: "transcript.damaged", Warning,
        "lines in the middle cannot be read; they stay where they are, and what hung below them hangs below the nearest readable ancestor", None;
    TRANSCRIPT_TREE: "transcript.tree", Warning, "entries name parents that are not there, or each other; reading goes on around them", None;
    TRANSCRIPT_READ_ONLY: "transcript.read-only", Error, "it can be read, but nothing will be written to it", None;
    TRANSCRIPT_OLD: "transcript.old-version", Note, "it is read in place; the first write brings it up to version 3 and keeps the original in quarantine", None;
    HEAD_STALE: "head.stale", Warning,
        "the saved head was written for another file, or before this one was replaced or cut; it is not believed, and pi's rule holds: the last line", Some(ASIDE);
    QUARANTINE_KEPT: "quarantine.kept", Note, "what was set aside is never deleted by us; look at it, and remove it by hand if you do not want it", None;
    SETTINGS_FAULT: "settings.fault", Error, "nothing runs with these settings; they are examined here with the defaults instead", None;
    SETTINGS_WARNING: "settings.warning", Warning, "the setting is passed over, so something else holds than what was meant", None;
    FS_KIND: "fs.kind", Note, "locks are trusted on filesystems of this kind", None;
    FS_UNTRUSTED: "fs.untrusted", Error,
        "whether two machines exclude each other cannot be seen from one of them; turns are refused here unless store.locks.allow_network_fs says that one machine uses it", None;
    FS_LOCKS: "fs.locks", Error, "two writers would both be let in, so no turn is run here", None;
    FS_LOCKS_UNKNOWN: "fs.locks-unknown", Note, "nothing was found out; the first writer asks again, on its latch", None;
    FS_SYNC: "fs.sync", Warning, "what is acknowledged as durable may be lost when the machine stops", None;
    FS_SYNC_UNKNOWN: "fs.sync-unknown", Note,
        "the calls work; whether the drive, a controller or a hypervisor below really writes when it is told to cannot be told from here", None;
    FS_READ_ONLY: "fs.read-only", Error, "nothing can be written, so no message is accepted", None;
    FS_SPACE: "fs.space", Warning, "on a full disk no message is accepted and no turn is recorded", None;
    FS_INODES: "fs.inodes", Warning, "without room for more files no latch, no claim and no session can be made, whatever the free space", None;
    CLOCK_WRONG: "clock.wrong", Warning, "ages are misjudged: of lock files, of temporary files, of what is shown as newest", None;
    PEERS_SEEN: "peers.seen", Note, "what other programs wrote, and in which version", None;
}

#[cfg(test)]
mod tests {
    use super::{SORTS, Severity};

    #[test]
    fn ids_are_unique_and_a_note_needs_no_repair() {
        let mut ids: Vec<&str> = SORTS.iter().map(|sort| sort.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), SORTS.len());
        let notes = SORTS.iter().filter(|sort| sort.severity == Severity::Note);
        assert!(notes.clone().count() > 0);
        for note in notes {
            assert_eq!(note.fix, None, "{}", note.id);
        }
    }
}
