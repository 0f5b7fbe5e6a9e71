//! A session that is moved elsewhere takes everything along, and no accepted message is lost on the way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use latchwork_lock::{LockScope, Phase};
use latchwork_session::{
    GuardAsk, Inbox as _, Incoming, Key, SessionLocks as _, TranscriptStore as _,
};
use latchwork_sys::{ScriptedSteps, Steps, System};
use latchwork_transcript::{
    Belonging, FileStore, IfWaiting, Layout, Options, PutAwayError, remove_shell,
};

use crate::bench::{Bench, append_raw, begun, commit, going_on, id, open, said, soon, user};

/// A store whose order of syncs is not watched: what can be found again is moved without one.
fn store(bench: &Bench, steps: Arc<dyn Steps>) -> FileStore {
    let system = System {
        steps,
        ..System::real()
    };
    FileStore::new(system, Layout::folder(bench.sessions()), Options::default())
}

fn plain(bench: &Bench) -> FileStore {
    store(bench, Arc::new(ScriptedSteps::new()))
}

async fn moved(
    store: &FileStore,
    folder: &Path,
    if_waiting: Option<IfWaiting>,
) -> Result<Vec<Belonging>, PutAwayError> {
    let session = id();
    let mut scope = LockScope::open();
    let ask = GuardAsk::side(&session, Phase::SIDE, soon());
    let mut guard = store.guard(&mut scope, ask).await.unwrap();
    let done = match if_waiting {
        Some(if_waiting) => store.put_away(&mut guard, folder, if_waiting).await,
        None => store.bring_back(&mut guard, folder).await,
    };
    guard.release().await.unwrap();
    done
}

async fn accept(store: &FileStore, key: &str) {
    let message = format!("{{\"role\":\"user\",\"content\":\"{key}\"}}");
    let incoming = Incoming {
        key: Key::new(key).unwrap(),
        message: serde_json::value::RawValue::from_string(message).unwrap(),
        at_ms: 1,
        session_key: None,
    };
    store.accept(&id(), incoming).await.unwrap();
}

/// The same from a thread of its own, as another process would do it in the middle of a step.
fn accept_elsewhere(store: FileStore, key: &'static str) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(accept(&store, key));
    };
    std::thread::spawn(run).join().unwrap();
}

/// Everything below a folder but lock files and the list's cache, with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn below(top: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(top).unwrap().display().to_string();
            let is_shared = [".latch", ".cache", ".lock"]
                .iter()
                .any(|end| name.ends_with(end));
            if path.is_dir() {
                below(top, &path, found);
            } else if !is_shared && !name.contains(".claim.") {
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    below(folder, folder, &mut found);
    found
}

/// A session that has left one of everything: a head, an inbox with an end, something set aside, an index, a list.
async fn lived(bench: &Bench, store: &FileStore) {
    let head = begun(store).await;
    append_raw(
        &bench.transcript(),
        b"{\"type\":\"message\",\"id\":\"torn\0",
    );
    commit(store, &head, going_on(vec![user("again")]))
        .await
        .unwrap();
    accept(store, "k").await;
    store
        .cancel(&id(), &Key::new("k").unwrap(), "no")
        .await
        .unwrap();
    std::fs::write(bench.sidecars().join("s.index"), "an index").unwrap();
    store.list().await.unwrap();
}

#[tokio::test]
async fn what_lies_in_a_folder_with_one_session_is_all_among_its_belongings() {
    let bench = Bench::new();
    let store = plain(&bench);
    lived(&bench, &store).await;
    let own = store.belongings(&id()).await.unwrap();
    let found = contents(&bench.sessions());
    assert!(
        found.keys().any(|name| name.contains("quarantine")),
        "{found:?}"
    );
    assert!(found.len() >= 5, "{:?}", found.keys());
    for name in found.keys() {
        let path = bench.sessions().join(name);
        assert!(
            own.iter().any(|one| path.starts_with(&one.path)),
            "{name} is nobody's"
        );
    }
    let files: usize = own
        .iter()
        .filter(|one| one.moves())
        .map(|one| one.files)
        .sum();
    assert_eq!(files, found.len());
}

#[tokio::test]
async fn a_session_goes_with_everything_and_comes_back_byte_for_byte() {
    let bench = Bench::new();
    let store = plain(&bench);
    lived(&bench, &store).await;
    let before = contents(&bench.sessions());
    let words = said(&store).await;
    let folder = bench.sessions().join("elsewhere");
    moved(&store, &folder, Some(IfWaiting::Stay)).await.unwrap();
    assert!(!open(&store).await.exists);
    assert_eq!(contents(&folder), before);
    assert!(
        !bench.sidecars().join("sessions.cache").exists(),
        "titles stay behind"
    );
    // It is a folder of sessions like any other.
    let there = FileStore::new(System::real(), Layout::folder(&folder), Options::default());
    assert_eq!(said(&there).await, words);
    moved(&store, &folder, None).await.unwrap();
    remove_shell(&System::real(), &folder);
    assert!(!folder.exists());
    assert_eq!(contents(&bench.sessions()), before);
    assert_eq!(said(&store).await, words);
}

#[tokio::test]
async fn a_waiting_message_keeps_a_session_unless_it_is_to_go_along() {
    let bench = Bench::new();
    let store = plain(&bench);
    begun(&store).await;
    accept(&store, "k").await;
    let folder = bench.sessions().join("elsewhere");
    let refused = moved(&store, &folder, Some(IfWaiting::Stay))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, PutAwayError::Waiting { waiting: 1, .. }),
        "{refused}"
    );
    assert!(open(&store).await.exists && !folder.exists());
    moved(&store, &folder, Some(IfWaiting::Take)).await.unwrap();
    assert!(!open(&store).await.exists && store.waiting(&id()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_accepted_in_the_middle_of_a_move_keeps_the_session() {
    for step in ["away:folder-made", "away:transcript-moved"] {
        let bench = Bench::new();
        let steps = Arc::new(ScriptedSteps::new());
        let store = store(&bench, steps.clone());
        begun(&store).await;
        let other = plain(&bench);
        steps.on(step, move || accept_elsewhere(other, "late"));
        let folder = bench.sessions().join("elsewhere");
        let refused = moved(&store, &folder, Some(IfWaiting::Stay))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, PutAwayError::Waiting { waiting: 1, .. }),
            "{step}: {refused}"
        );
        let waiting = plain(&bench).waiting(&id()).await.unwrap();
        assert_eq!(waiting.len(), 1, "{step}");
        assert_eq!(said(&store).await, ["hello", "hi"], "{step}");
        assert!(!folder.exists(), "{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_inbox_goes_away_under_its_writer_waits_at_the_old_place() {
    for step in ["inbox:before-write", "inbox:written", "inbox:synced"] {
        let bench = Bench::new();
        let store = plain(&bench);
        begun(&store).await;
        accept(&store, "old").await;
        store
            .cancel(&id(), &Key::new("old").unwrap(), "no")
            .await
            .unwrap();
        let steps = Arc::new(ScriptedSteps::new());
        let writer = self::store(&bench, steps.clone());
        let (mover, folder) = (plain(&bench), bench.sessions().join("elsewhere"));
        steps.on(step, move || {
            let run = move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                // Whether it goes or stays is for the moment to say; the message must be at the old place in any case.
                drop(
                    runtime
                        .unwrap()
                        .block_on(moved(&mover, &folder, Some(IfWaiting::Stay))),
                );
            };
            std::thread::spawn(run).join().unwrap();
        });
        accept(&writer, "new").await;
        let waiting = plain(&bench).waiting(&id()).await.unwrap();
        let keys: Vec<String> = waiting.iter().map(|one| one.key.to_string()).collect();
        assert_eq!(keys, ["new"], "{step}");
    }
}

#[tokio::test]
async fn nothing_comes_back_over_what_stands_there() {
    let bench = Bench::new();
    let store = plain(&bench);
    begun(&store).await;
    let folder = bench.sessions().join("elsewhere");
    moved(&store, &folder, Some(IfWaiting::Stay)).await.unwrap();
    let before = contents(&folder);
    accept(&store, "k").await;
    accept_elsewhere(plain(&bench), "k2");
    std::fs::write(folder.join(".latchwork/s.inbox.jsonl"), "").unwrap();
    let refused = moved(&store, &folder, None).await.unwrap_err();
    assert!(matches!(refused, PutAwayError::Stands { .. }), "{refused}");
    std::fs::remove_file(folder.join(".latchwork/s.inbox.jsonl")).unwrap();
    assert_eq!(contents(&folder), before);
    begun(&plain(&bench)).await;
    let refused = moved(&store, &folder, None).await.unwrap_err();
    assert!(matches!(refused, PutAwayError::Stands { .. }), "{refused}");
    assert_eq!(contents(&folder), before);
}
