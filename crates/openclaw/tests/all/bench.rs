//! A folder with a store, and short words for working on it.

use std::path::PathBuf;
use std::sync::Arc;

use latchwork_filelock::{Latches, Options, PeerLock};
use latchwork_lock::Wait;
use latchwork_openclaw::{SessionIndex, SessionsJson, StoreOptions};
use latchwork_sys::{Disk, System};

pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    pub(crate) fn with(text: impl AsRef<[u8]>) -> Self {
        let bench = Self::new();
        std::fs::write(bench.path(), text).unwrap();
        // Long ago, so that nobody is taken to be at it.
        let file = std::fs::File::options()
            .append(true)
            .open(bench.path())
            .unwrap();
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        file.set_modified(long_ago).unwrap();
        bench
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("sessions.json")
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    pub(crate) fn index(&self) -> SessionIndex {
        self.index_on(System::real())
    }

    pub(crate) fn index_on(&self, system: System) -> SessionIndex {
        let options = Options {
            peer_lock: PeerLock::Never,
            ..Options::default()
        };
        let latches = Latches::new(system, options);
        SessionIndex::new(latches, self.path(), StoreOptions::default()).unwrap()
    }

    /// The names in the folder that are not ours to keep: what a failed write may not leave.
    pub(crate) fn temporaries(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.dir.path()).unwrap();
        let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".tmp")).collect()
    }
}

pub(crate) fn system_on(disk: Arc<dyn Disk>) -> System {
    System {
        disk,
        ..System::real()
    }
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// Makes this the row of the key.
pub(crate) fn put(rows: &mut SessionsJson, key: &str, session: &str, at_ms: i64) {
    let row = serde_json::json!({ "sessionId": session, "updatedAt": at_ms });
    rows.put(key, &row).unwrap();
}

pub(crate) const WAIT: Wait = Wait::Forever;
