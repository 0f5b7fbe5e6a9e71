//! A workload on a disk in memory: several writers in turn, each like a process of its own, a peer that takes no lock, and syncs
//! that fail; recorded with its story.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use latchwork_filelock::PeerLock;
use latchwork_session::SessionId;
use latchwork_sys::{Disk, OpLog, OpenHow, SimDisk, System, Trace, TraceDisk, read_exact_at};
use latchwork_testkit::history::{Image, Story};
use latchwork_tests::workload::{Listener, Mood, Mutant, Numbers, SeededEntropy, Writer};
use latchwork_transcript::{FileStore, Layout, Options};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::failing::rules;
use super::planted;
use super::power::{SESSIONS, transcript};

/// How many moves a workload has, at most.
const MOVES_MAX: u64 = 8;
const EIO: i32 = 5;

/// A workload that was recorded.
pub(crate) struct Workload {
    pub(crate) seed: u64,
    pub(crate) begun_with: &'static str,
    pub(crate) planted: Image,
    pub(crate) log: OpLog,
    pub(crate) story: Story,
    /// What the order rules of durability say of its writers.
    pub(crate) order: Vec<String>,
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

/// Runs a workload once.
pub(crate) async fn record(seed: u64, mutant: Option<Mutant>) -> Workload {
    let mut numbers = Numbers(seed);
    let disk = SimDisk::new(seed);
    let (begun_with, bytes) = planted::draw(&mut numbers);
    plant(&disk, bytes);
    let planted = image(&disk);
    disk.record();
    let heard = Arc::new(Heard::at(&disk));
    let (mut writers, traces): (Vec<Writer>, Vec<Trace>) = (0..1 + numbers.below(2))
        .map(|number| {
            let name = format!("w{number}");
            watched(&disk, &name, numbers.draw(), mutant, heard.clone())
        })
        .unzip();
    for number in 0..1 + numbers.below(MOVES_MAX) {
        if numbers.one_in(6) {
            heard.hear(json!({ "sick": true }));
            // There may be nothing to sync yet.
            let _missing = disk.fail_next_sync(&transcript(), EIO);
        }
        if numbers.one_in(6) {
            peer(&disk, number, &heard);
        }
        let at = usize::try_from(numbers.below(writers.len() as u64)).unwrap();
        writers[at].moves(Mood::Anything, 1).await;
    }
    drop(writers);
    Workload {
        seed,
        begun_with,
        planted,
        log: disk.log(),
        story: Story::of(heard.events()),
        order: traces
            .iter()
            .flat_map(Trace::broken)
            .map(|broken| format!("order: {broken}"))
            .collect(),
    }
}

/// What stands there from the beginning, durably.
pub(crate) fn plant(disk: &SimDisk, bytes: Option<Vec<u8>>) {
    let process = disk.process();
    let root = Path::new("/");
    let home = Path::new("/disk");
    process.create_dir(home, 0o700).unwrap();
    process.sync_dir(root).unwrap();
    if let Some(bytes) = bytes {
        process.create_dir(Path::new(SESSIONS), 0o700).unwrap();
        let file = process
            .open(&transcript(), &OpenHow::appending().only_new())
            .unwrap();
        file.append(&bytes).unwrap();
        file.sync_all().unwrap();
        process.sync_dir(Path::new(SESSIONS)).unwrap();
        process.sync_dir(home).unwrap();
    }
}

/// A writer like a process of its own.
pub(crate) fn writer(
    disk: &SimDisk,
    name: &str,
    seed: u64,
    mutant: Option<Mutant>,
    listener: Arc<dyn Listener>,
) -> Writer {
    let process: Arc<dyn Disk> = Arc::new(disk.process());
    let system = System {
        disk: match mutant {
            Some(mutant) => mutant.below(process),
            None => process,
        },
        ..machine().clone()
    };
    writer_on(system, name, seed, mutant, listener)
}

/// A writer whose calls to the disk are held against the order rules. A mutant stands above them, so what it leaves out is seen.
fn watched(
    disk: &SimDisk,
    name: &str,
    seed: u64,
    mutant: Option<Mutant>,
    listener: Arc<dyn Listener>,
) -> (Writer, Trace) {
    let process: Arc<dyn Disk> = Arc::new(disk.process());
    let (traced, trace) = TraceDisk::looking_through(process.clone(), process, rules());
    let traced: Arc<dyn Disk> = Arc::new(traced);
    let system = System {
        disk: match mutant {
            Some(mutant) => mutant.below(traced),
            None => traced,
        },
        steps: trace.steps(machine().steps.clone()),
        ..machine().clone()
    };
    (writer_on(system, name, seed, mutant, listener), trace)
}

/// A writer on a machine; its chance is the seed's.
pub(crate) fn writer_on(
    machine: System,
    name: &str,
    seed: u64,
    mutant: Option<Mutant>,
    listener: Arc<dyn Listener>,
) -> Writer {
    let system = System {
        entropy: Arc::new(SeededEntropy::new(seed)),
        ..machine
    };
    let mut options = Options::default();
    options.locks.peer_lock = PeerLock::Never;
    let store = FileStore::new(system, Layout::folder(SESSIONS), options).on_this_thread();
    let session = SessionId::new("s").unwrap();
    let writer = Writer::new(
        store,
        session,
        name.to_owned(),
        listener,
        Numbers(seed),
        mutant,
    );
    writer.brief()
}

/// The machine's other parts, looked up once.
pub(crate) fn machine() -> &'static System {
    static MACHINE: OnceLock<System> = OnceLock::new();
    MACHINE.get_or_init(System::real)
}

/// A program that takes no lock appends a line to a version 3 that is there.
fn peer(disk: &SimDisk, number: u64, heard: &Heard) {
    let bytes = image(disk).transcript.unwrap_or_default();
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let read = |line: &[u8]| serde_json::from_slice::<Value>(line).ok();
    if lines
        .next()
        .and_then(read)
        .is_none_or(|header| header["version"] != 3)
    {
        return;
    }
    let parent = lines
        .filter_map(read)
        .next_back()
        .map_or(Value::Null, |last| last["id"].clone());
    let line = json!({ "type": "message", "id": format!("peer{number}"), "parentId": parent,
        "timestamp": "2026-01-01T00:00:00.000Z", "message": { "role": "user", "content": "a peer's words", "timestamp": 1 } });
    let file = disk
        .process()
        .open(&transcript(), &OpenHow::appending())
        .unwrap();
    heard.hear(json!({ "peering": number.to_string(), "line": line.to_string() }));
    file.append(format!("{line}\n").as_bytes()).unwrap();
    heard.hear(json!({ "peer": number.to_string(), "line": line.to_string() }));
}

/// The files of the session, as bytes.
pub(crate) fn image(disk: &SimDisk) -> Image {
    let process = disk.process();
    let read = |path: &Path| {
        let file = process.open(path, &OpenHow::reading()).ok()?;
        let mut bytes = vec![0; usize::try_from(file.facts().ok()?.size).ok()?];
        read_exact_at(&*file, &mut bytes, 0).ok()?;
        Some(bytes)
    };
    let list = |dir: &Path| {
        let names = process.list(dir).unwrap_or_default();
        let mut found: Vec<(String, Vec<u8>)> = names
            .into_iter()
            .filter_map(|name| {
                let name = name.into_string().ok()?;
                let bytes = read(&dir.join(&name))?;
                Some((name, bytes))
            })
            .collect();
        found.sort();
        found
    };
    let sessions = Path::new(SESSIONS);
    let sidecars = sessions.join(".latchwork");
    Image::of(
        "s",
        list(sessions),
        read(&sidecars.join("s.inbox.jsonl")).unwrap_or_default(),
        list(&sidecars.join("s.quarantine")),
    )
}

/// A story in memory: each event with its number, and how many changes had been made.
pub(crate) struct Heard {
    disk: SimDisk,
    begun: u64,
    events: Mutex<Vec<Value>>,
}

impl Heard {
    pub(crate) fn at(disk: &SimDisk) -> Self {
        Self {
            begun: disk.position(),
            disk: disk.clone(),
            events: Mutex::default(),
        }
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Listener for Heard {
    fn hear(&self, mut event: Value) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        event["t"] = events.len().into();
        event["op"] = (self.disk.position() - self.begun).into();
        events.push(event);
    }
}
