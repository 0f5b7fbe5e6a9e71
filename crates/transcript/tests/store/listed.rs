//! A list says what the files say, whatever was kept of the last one.

use std::path::PathBuf;

use latchwork_session::{Inbox, Incoming, Key, SessionId, SessionSummary, TranscriptStore};
use latchwork_transcript::FileStore;
use proptest::prelude::*;

use crate::bench::*;

fn cache(bench: &Bench) -> PathBuf {
    bench.sidecars().join("sessions.cache")
}

/// A session as some peer writes it.
fn write(bench: &Bench, name: &str, words: &str, more: &str) {
    std::fs::create_dir_all(bench.sidecars()).unwrap();
    let text = format!(
        "{{\"type\":\"session\",\"version\":3,\"id\":\"{name}\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/of/{name}\"}}\n{}{more}",
        pi_user("a", None, words)
    );
    std::fs::write(bench.sessions().join(format!("{name}.jsonl")), text).unwrap();
}

async fn list(store: &FileStore) -> Vec<SessionSummary> {
    let mut list = store.list().await.unwrap();
    list.sort_by(|a, b| a.session.as_str().cmp(b.session.as_str()));
    list
}

/// A process that keeps nothing of the last list, one that keeps it in memory, and one that reads it say the same.
async fn agrees(bench: &Bench, store: &FileStore) -> Vec<SessionSummary> {
    let kept = list(&bench.store()).await;
    assert_eq!(list(store).await, kept);
    let bytes = std::fs::read(cache(bench)).unwrap();
    std::fs::remove_file(cache(bench)).unwrap();
    assert_eq!(list(&bench.store()).await, kept);
    std::fs::write(cache(bench), bytes).unwrap();
    kept
}

#[tokio::test]
async fn what_changed_since_the_last_list_is_read_and_nothing_else() {
    let bench = Bench::new();
    let store = bench.store();
    assert_eq!(list(&store).await, []);
    write(&bench, "one", "first words", &pi_name("b", Some("a")));
    write(&bench, "two", "  second \t words ", "");
    let seen = agrees(&bench, &store).await;
    assert_eq!(seen[0].name.as_deref(), Some("renamed"));
    assert_eq!(seen[0].cwd.as_deref(), Some("/of/one"));
    assert_eq!(seen[1].title.as_deref(), Some("second words"));
    // What is added far behind the beginning, and a name that is taken away.
    let long = pi_user("c", Some("b"), &"x".repeat(60_000));
    let unnamed = pi_name("d", Some("c")).replace("renamed", "");
    append_raw(
        &bench.sessions().join("one.jsonl"),
        format!("{long}{unnamed}").as_bytes(),
    );
    write(&bench, "two", "other words", "");
    write(&bench, "three", "third words", "");
    let seen = agrees(&bench, &store).await;
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].name, None);
    assert_eq!(seen[2].title.as_deref(), Some("other words"));
    // What waits, and what is gone.
    let message = Incoming {
        key: Key::new("k").unwrap(),
        message: serde_json::value::to_raw_value(
            &serde_json::json!({ "role": "user", "content": "x" }),
        )
        .unwrap(),
        session_key: None,
        at_ms: 1,
    };
    bench
        .store()
        .accept(&SessionId::new("four").unwrap(), message)
        .await
        .unwrap();
    std::fs::remove_file(bench.sessions().join("two.jsonl")).unwrap();
    let seen = agrees(&bench, &store).await;
    let names: Vec<_> = seen
        .iter()
        .map(|row| (row.session.as_str(), row.waiting))
        .collect();
    assert_eq!(names, [("four", 1), ("one", 0), ("three", 0)]);
    // That it is used is seen where it should not have been believed.
    let kept = std::fs::read(cache(&bench)).unwrap();
    let end = kept.iter().position(|byte| *byte == b'\n').unwrap();
    let (len, _, shape): (usize, u32, u8) = serde_json::from_slice(&kept[..end]).unwrap();
    let rows = String::from_utf8(kept[end + 1..][..len].to_vec())
        .unwrap()
        .replace("third", "3rd__");
    let sum = crc32fast::hash(rows.as_bytes());
    std::fs::write(
        cache(&bench),
        format!("[{},{sum},{shape}]\n{rows}", rows.len()),
    )
    .unwrap();
    assert_eq!(
        list(&bench.store()).await[2].title.as_deref(),
        Some("3rd__ words")
    );
}

#[tokio::test]
async fn a_cache_of_a_version_before_whose_rows_lack_the_parent_does_not_count() {
    let bench = Bench::new();
    write(&bench, "one", "words", "");
    list(&bench.store()).await;
    let kept = std::fs::read(cache(&bench)).unwrap();
    let end = kept.iter().position(|byte| *byte == b'\n').unwrap();
    let (len, _, _): (usize, u32, u8) = serde_json::from_slice(&kept[..end]).unwrap();
    let rows = String::from_utf8(kept[end + 1..][..len].to_vec())
        .unwrap()
        .replace("words", "WORDS");
    let sum = crc32fast::hash(rows.as_bytes());
    std::fs::write(cache(&bench), format!("[{},{sum}]\n{rows}", rows.len())).unwrap();
    let seen = list(&bench.store()).await;
    assert_ne!(
        seen[0].title.as_deref(),
        Some("WORDS"),
        "an old row was believed"
    );
}

#[tokio::test]
async fn a_list_leaves_nothing_in_a_folder_that_has_no_sidecars() {
    let bench = Bench::new();
    write(&bench, "one", "words", "");
    std::fs::remove_dir(bench.sidecars()).unwrap();
    assert_eq!(list(&bench.store()).await.len(), 1);
    assert_eq!(std::fs::read_dir(bench.sessions()).unwrap().count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_damaged_cache_changes_no_list(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            write(&bench, "one", "words", "");
            write(&bench, "two", "words", "");
            let seen = list(&bench.store()).await;
            let mut bytes = std::fs::read(cache(&bench)).unwrap();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            std::fs::write(cache(&bench), bytes).unwrap();
            assert_eq!(list(&bench.store()).await, seen);
        });
    }
}
