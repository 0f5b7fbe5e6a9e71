//! A state: what stands at the paths, which inodes are locked, what each process has open and does next.
//!
//! Inodes and lock files are small numbers; 0 is none. A lock is not kept with its inode but with the process that has
//! it (an open file description belongs to one process here; `join` is about those that are shared).

use std::hash::{Hash, Hasher};

/// Most processes of ours.
pub(super) const MOST: usize = 4;
/// Most foreign peers.
pub(super) const MOST_PEERS: usize = 3;
/// Most lock files that anybody knows at once.
pub(super) const MOST_FILES: usize = 15;

/// What a process does next. The steps in square brackets are the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum At {
    /// Nothing is held, and nothing open but a latch file that was kept: without one `[open, or make, the latch file]`.
    #[default]
    Out,
    /// `[flock the latch, waiting]`.
    LockLatch,
    /// [Is the latch's inode at its path?]
    LookLatch,
    /// `[Open the transcript]`.
    Open,
    /// `[flock the transcript, without waiting]`.
    LockTranscript,
    /// [Is the transcript's inode at its path, with one name?]
    LookTranscript,
    /// The peers' file is left free for a moment: [does one stand there?]
    LeaveFree,
    /// `[Rename ours into place, without replacing]`.
    CreatePeer,
    /// One stands there: [what is in it?]
    LookPeer,
    /// [Is its owner there?]
    Judge,
    /// Somebody has it: a pause.
    WaitPeer,
    /// Nobody is there that owns it: [is it still the one that was judged?]
    LookStill,
    /// `[Rename it aside]`.
    TakeAside,
    /// `[Rename it back, without replacing]`.
    PutBack,
    /// `[Remove it]`.
    RemoveAside,
    /// A pause after a dead one's file was replaced: [does ours still stand?]
    Settle,
    /// [Is the transcript still at its path?]
    LookAgain,
    /// The latch is granted.
    Held,
    /// `[Read the transcript, to write it anew]`.
    Copy,
    /// [Is the latch at its path?], just before a write.
    CheckLatch,
    /// [Is the transcript at its path?], just before a write.
    CheckTranscript,
    /// [Is our lock file at its path?], just before a write.
    CheckPeer,
    /// The write is in flight: `[it ends]`.
    Write,
    /// [Is our lock file at its path?], to give it back.
    EndLookPeer,
    /// `[Rename it aside]`.
    EndPeer,
    /// `[Unlock the transcript]`.
    EndTranscript,
    /// `[Unlock the latch]`.
    EndLatch,
    /// A fault's: `[remove by its name the lock file that was judged]`.
    Clean,
}

/// How a write changes the transcript.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Work {
    /// None.
    #[default]
    None,
    /// One more line, appended.
    Append,
    /// A file of one line, renamed into place where there is none.
    Birth,
    /// The same lines in a new file, renamed into place.
    Rewrite,
}

/// One process of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ours {
    /// What it does next.
    pub at: At,
    /// The latch file that it has open.
    pub latch: u8,
    /// Whether it has its lock.
    pub has_latch: bool,
    /// The transcript that it has open.
    pub transcript: u8,
    /// Whether it has its lock.
    pub has_transcript: bool,
    /// Its own lock file for peers, kept open.
    pub own: u8,
    /// The lock file that it judges.
    pub seen: u8,
    /// The lock file that it has taken aside.
    pub aside: u8,
    /// What it is about to write.
    pub work: Work,
    /// Whether the copy that it has made lacks an acknowledged line.
    pub copy_lacks: bool,
    /// Whether it was dropped while its write was in flight.
    pub dropped: bool,
    /// Whether the latch was granted, so that its file is kept open; and whether the file that it has was kept.
    pub granted: bool,
    /// Whether it has met the file of somebody dead in this take.
    pub replaced: bool,
    /// Whether its own lock file is given back to be made again.
    pub again: bool,
    /// Told by nobody: a live peer's file stood at the path already when the judging of another was over.
    pub late: bool,
    /// Told by nobody: a foreign peer has removed its lock file.
    pub robbed: bool,
}

/// What a foreign peer does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeerAt {
    /// `[Create the lock file exclusively, or take a snapshot of the one that is there]`.
    #[default]
    Out,
    /// `[Write the payload]`.
    Fill,
    /// [Is the snapshot's owner there?]
    Judge,
    /// [Is the file still the one of the snapshot?]
    ReRead,
    /// [Read it once more, is its owner there?]
    Inspect,
    /// `[Remove it, whichever it is]`.
    Remove,
    /// The lock is held.
    Held,
    /// `[Read the transcript, to write it anew]`.
    Copy,
    /// The write is in flight: `[it ends]`.
    Write,
    /// [Is the lock file the own one?]
    EndLook,
    /// `[Remove it]`.
    End,
}

/// One foreign peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// What it does next.
    pub at: PeerAt,
    /// Its own lock file.
    pub own: u8,
    /// The lock file that it judges.
    pub seen: u8,
    /// What it is about to write.
    pub work: Work,
    /// Whether the copy that it has made lacks an acknowledged line.
    pub copy_lacks: bool,
}

/// A lock file for peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockFile {
    /// One of ours made it.
    pub ours: bool,
    /// Its payload is written.
    pub whole: bool,
    /// The process that its payload names is there.
    pub alive: bool,
}

/// A promise that was broken by a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// A latch was found lost though nobody outside had done anything.
    LostForNothing,
    /// One of ours removed the lock file of a live foreign holder.
    RobbedPeer,
    /// One of ours found everything in order while a foreign peer held the lock.
    Unnoticed,
    /// A write of ours and a peer's were in flight together, and the peer had not reclaimed our file.
    Overlap,
    /// One of ours moved a live peer's file which it could have seen before.
    Moved,
    /// Ours was granted, and then robbed by a peer that had judged a dead owner's file before.
    Unsettled,
}

/// A state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// The processes of ours.
    pub ours: [Ours; MOST],
    /// The foreign peers.
    pub peers: [Peer; MOST_PEERS],
    /// The latch file at its path.
    pub latch_at: u8,
    /// The transcript at its path.
    pub transcript_at: u8,
    /// Which transcripts lack an acknowledged line: a bit for each inode.
    pub lacks: u8,
    /// The lock file at its path.
    pub lock_file_at: u8,
    /// The lock files that anybody knows.
    pub files: [LockFile; MOST_FILES],
    /// Told by nobody: sidecars were deleted while somebody had a latch, and since then somebody always had.
    pub unsettled: bool,
    /// A promise that was broken on the way here.
    pub broken: Option<Broken>,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for ours in &self.ours {
            hasher.write_u64(ours.packed());
        }
        for peer in &self.peers {
            hasher.write_u64(peer.packed());
        }
        let mut files = 0_u64;
        for file in &self.files {
            files = files << 3
                | u64::from(file.ours)
                | u64::from(file.whole) << 1
                | u64::from(file.alive) << 2;
        }
        hasher.write_u64(files);
        let paths = [
            self.latch_at,
            self.transcript_at,
            self.lacks,
            self.lock_file_at,
        ];
        hasher.write_u32(u32::from_le_bytes(paths));
        (self.unsettled, self.broken).hash(hasher);
    }
}

/// Numbers are below 16, flags are bits.
impl Ours {
    pub(super) fn packed(&self) -> u64 {
        let numbers = [self.latch, self.transcript, self.own, self.seen, self.aside];
        let flags = [
            self.has_latch,
            self.has_transcript,
            self.copy_lacks,
            self.dropped,
            self.granted,
            self.replaced,
            self.again,
            self.late,
            self.robbed,
        ];
        pack(self.at as u8, self.work, &numbers, &flags)
    }
}

impl Peer {
    pub(super) fn packed(&self) -> u64 {
        pack(
            self.at as u8,
            self.work,
            &[self.own, self.seen],
            &[self.copy_lacks],
        )
    }
}

fn pack(at: u8, work: Work, numbers: &[u8], flags: &[bool]) -> u64 {
    let mut packed = u64::from(at) << 2 | u64::from(work as u8);
    for number in numbers {
        packed = packed << 4 | u64::from(*number);
    }
    for flag in flags {
        packed = packed << 1 | u64::from(*flag);
    }
    packed
}

impl World {
    /// Whether one of ours has what it asked for.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.ours.iter().any(|ours| ours.at == At::Held)
    }

    /// Whether a foreign peer has what it asked for.
    #[must_use]
    pub fn is_granted_to_a_peer(&self) -> bool {
        self.peers.iter().any(|peer| peer.at == PeerAt::Held)
    }

    /// Whether a lock file of ours stands that nobody relies on, though the process that it names lives.
    #[must_use]
    pub fn has_orphan(&self) -> bool {
        let file = self.file(self.lock_file_at);
        let owned = self.ours.iter().any(|ours| ours.own == self.lock_file_at);
        file.ours && file.alive && !owned
    }

    /// A latch file that nobody has had yet.
    pub(super) fn new_latch(&self) -> u8 {
        let used = self.ours.iter().map(|ours| ours.latch);
        used.chain([self.latch_at]).max().unwrap_or(0) + 1
    }

    /// A transcript that nobody has had yet.
    pub(super) fn new_transcript(&self) -> u8 {
        let used = self.ours.iter().map(|ours| ours.transcript);
        used.chain([self.transcript_at]).max().unwrap_or(0) + 1
    }

    /// A lock file that nobody has had yet.
    pub(super) fn new_lock_file(&mut self, file: LockFile) -> u8 {
        let ours = self
            .ours
            .iter()
            .flat_map(|ours| [ours.own, ours.seen, ours.aside]);
        let peers = self.peers.iter().flat_map(|peer| [peer.own, peer.seen]);
        let new = ours
            .chain(peers)
            .chain([self.lock_file_at])
            .max()
            .unwrap_or(0)
            + 1;
        self.files[usize::from(new) - 1] = file;
        new
    }

    pub(super) fn file(&self, number: u8) -> LockFile {
        match number {
            0 => LockFile::default(),
            number => self.files[usize::from(number) - 1],
        }
    }

    pub(super) fn file_mut(&mut self, number: u8) -> Option<&mut LockFile> {
        self.files.get_mut(usize::from(number).checked_sub(1)?)
    }

    pub(super) fn latch_is_free(&self, latch: u8) -> bool {
        !self
            .ours
            .iter()
            .any(|ours| ours.has_latch && ours.latch == latch)
    }

    pub(super) fn transcript_is_free(&self, transcript: u8) -> bool {
        let holds = |ours: &Ours| ours.has_transcript && ours.transcript == transcript;
        !self.ours.iter().any(holds)
    }

    pub(super) fn lacks_line(&self, transcript: u8) -> bool {
        self.lacks >> transcript & 1 == 1
    }

    /// A line was acknowledged that stands in one transcript only; the others lack it, and so do copies under way.
    pub(super) fn acknowledged(&mut self, transcript: u8) {
        self.lacks |= !(1 << transcript);
        for ours in &mut self.ours {
            ours.copy_lacks |= ours.work == Work::Rewrite;
        }
        for peer in &mut self.peers {
            peer.copy_lacks |= peer.work == Work::Rewrite;
        }
    }

    /// A new transcript is at the path.
    pub(super) fn put_in_place(&mut self, lacks: bool) -> u8 {
        let new = self.new_transcript();
        self.transcript_at = new;
        self.lacks = self.lacks & !(1 << new) | u8::from(lacks) << new;
        new
    }

    pub(super) fn delete_sidecars(&mut self) {
        self.latch_at = 0;
        self.unsettled = true;
    }

    /// Settled is what nobody has a latch in: whoever comes then finds no traces of what was deleted.
    pub(super) fn settle(&mut self) {
        self.unsettled &= self.ours.iter().any(|ours| ours.has_latch);
    }

    /// Whether a foreign peer relies on that lock file right now.
    pub(super) fn is_relied_on(&self, file: u8) -> bool {
        let relies = [PeerAt::Fill, PeerAt::Held, PeerAt::Copy, PeerAt::Write];
        let relies = |peer: &Peer| peer.own == file && relies.contains(&peer.at);
        file != 0 && self.peers.iter().any(relies)
    }
}
