//! Whether what is acknowledged is in ext4's journal by then, while somebody reads: a transcript's readers read at any time.
//!
//! On ext4 (Linux 6.18 at least) an `fdatasync` may return without a commit of the journal: where a reader's new access time is put into the
//! inode just when an append has set the file's size, the size goes with the reader's change, and the writer's `fdatasync` does not know
//! that there is anything to wait for. The bytes are on the device and the file ends before them. `fsync` waits for any change of the
//! inode and is right. It is seen without a cut: an append that is durable has cost a transaction, and ext4 counts those.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use latchwork_format::Body;
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{
    Birth, Commit, GuardAsk, Head, Intent, Level, NewEntry, SessionLocks as _, TranscriptStore as _,
};
use latchwork_sys::System;
use latchwork_transcript::{FileStore, Layout, Options};
use serde_json::json;

use super::figures::Done;
use super::mounts::{Kind, Mounted};

/// How many read while one writes.
const READERS: usize = 4;
/// A count that has not moved is looked at again after this: it moves a moment after the writer is told.
const AGAIN: Duration = Duration::from_millis(20);

/// Who appends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    /// The store.
    Ours,
    /// Bare calls, with `fdatasync`; until it is caught.
    DataSync,
}

/// So many appends, each made durable while others read.
///
/// # Errors
/// Why there can be none here, in words.
pub(crate) fn run(seed: u64, appends: u64, who: Who) -> Result<Done, String> {
    // What is mounted is this thread's, and of the threads that it begins.
    let campaign = std::thread::spawn(move || {
        let mounted = Mounted::begin(Kind::Ext4)?;
        let journal = Journal::of(&mounted.path())?;
        let file = mounted.path().join("s.jsonl");
        let mut done = Done::begin(seed);
        let mut writer = Writer::begin(who, &file);
        let over = AtomicBool::new(false);
        std::thread::scope(|threads| {
            for _ in 0..READERS {
                threads.spawn(|| read(&file, &over));
            }
            let until_caught = matches!(who, Who::DataSync);
            while done.faults < appends && (!until_caught || done.broken.is_empty()) {
                done.faults += 1;
                done.calls += 1;
                done.acknowledgements += 1;
                let before = journal.transactions();
                writer.append(done.faults);
                if !journal.moved(before) {
                    let at = format!("append {} of seed {seed}", done.faults);
                    let what = "acknowledged, and no transaction of the journal was committed";
                    done.found([what.to_owned()], &at);
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        Ok(done.end())
    });
    campaign.join().unwrap()
}

/// Its access time is new after each append.
fn read(file: &Path, over: &AtomicBool) {
    let file = File::open(file).unwrap();
    while !over.load(Ordering::Relaxed) {
        let _bytes = file.read_at(&mut [0; 16], 0).unwrap();
    }
}

/// What ext4 tells of its journal.
struct Journal(PathBuf);

impl Journal {
    fn of(mounted: &Path) -> Result<Self, String> {
        let device = std::fs::metadata(mounted).unwrap().dev();
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let name = std::fs::read_link(format!("/sys/dev/block/{major}:{minor}"))
            .map_err(|error| format!("the device has no name: {error}"))?;
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        let path = PathBuf::from(format!("/proc/fs/jbd2/{name}-8/info"));
        std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    fn transactions(&self) -> u64 {
        let text = std::fs::read_to_string(&self.0).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }

    fn moved(&self, before: u64) -> bool {
        self.transactions() > before || {
            std::thread::sleep(AGAIN);
            self.transactions() > before
        }
    }
}

enum Writer {
    Ours(Box<(tokio::runtime::Runtime, FileStore, Layout)>),
    DataSync(File),
}

impl Writer {
    fn begin(who: Who, file: &Path) -> Self {
        if matches!(who, Who::DataSync) {
            let mut options = OpenOptions::new();
            let file = options.append(true).create(true).open(file).unwrap();
            file.sync_all().unwrap();
            return Self::DataSync(file);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let layout = Layout::lone(file).unwrap();
        let store = FileStore::new(System::real(), layout.clone(), Options::default());
        let writer = Self::Ours(Box::new((runtime, store, layout)));
        writer.by_store(0);
        writer
    }

    #[expect(clippy::disallowed_methods, reason = "it is what must be seen")]
    fn append(&mut self, number: u64) {
        match self {
            Self::Ours(_) => self.by_store(number),
            Self::DataSync(file) => {
                file.write_all(format!("{number:0>150}\n").as_bytes())
                    .unwrap();
                file.sync_data().unwrap();
            }
        }
    }

    #[expect(
        clippy::await_holding_invalid_type,
        clippy::disallowed_methods,
        reason = "a guard over one call of the store, in a scope of this thread"
    )]
    fn by_store(&self, number: u64) {
        let Self::Ours(ours) = self else { return };
        let (runtime, store, layout) = &**ours;
        let Layout::Lone { session, .. } = layout else {
            unreachable!("a lone file")
        };
        let entry = Body::Custom {
            custom_type: "number".to_owned(),
            data: Some(json!(number)),
        };
        let commit = Commit {
            entries: vec![NewEntry::new(entry)],
            intent: Intent::AtHead,
            turn: None,
            birth: Some(Birth::default()),
        };
        runtime.block_on(async {
            let mut scope = LockScope::open();
            let ask = GuardAsk::side(session, Phase::SIDE, Wait::at_most(Duration::from_secs(60)));
            let mut guard = store.guard(&mut scope, ask).await.unwrap();
            let receipt = store.append(&mut guard, &Head::default(), commit).await;
            guard.release().await.unwrap();
            receipt.unwrap().reached(Level::Synced).await.unwrap();
        });
    }
}
