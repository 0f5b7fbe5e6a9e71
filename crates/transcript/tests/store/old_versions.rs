//! Versions 1 and 2 are read in place; the first write brings them up to version 3, whole, and keeps the original.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use latchwork_session::{Head, TranscriptStore};
use latchwork_sys::ScriptedSteps;

use crate::bench::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_an_old_version_changes_nothing_and_the_first_write_keeps_the_original() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/legacy");
    let mut seen = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        seen += 1;
        let bench = Bench::new();
        std::fs::create_dir(bench.sessions()).unwrap();
        let original = std::fs::read(&file).unwrap();
        std::fs::write(bench.transcript(), &original).unwrap();
        let store = bench.store();
        let before = open(&store).await;
        let shown = |snapshot: &latchwork_session::Snapshot| {
            serde_json::to_string(&latchwork_format::context(
                &snapshot.transcript,
                snapshot.head.leaf.as_ref(),
            ))
            .unwrap()
        };
        let context = shown(&before);
        assert_eq!(
            std::fs::read(bench.transcript()).unwrap(),
            original,
            "{file:?}: reading never writes"
        );
        commit(&store, &before.head, going_on(vec![]))
            .await
            .unwrap();
        let after = open(&store).await;
        assert_eq!(shown(&after), context, "{file:?}");
        commit(&store, &after.head, going_on(vec![user("and on")]))
            .await
            .unwrap();
        assert_eq!(
            said(&store).await.last().map(String::as_str),
            Some("and on")
        );
        let kept: Vec<_> = std::fs::read_dir(bench.sidecars().join("s.quarantine"))
            .unwrap()
            .collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(
            std::fs::read(kept[0].as_ref().unwrap().path()).unwrap(),
            original,
            "{file:?}"
        );
        let header = bench.text().lines().next().unwrap().to_owned();
        assert!(header.contains("\"version\":3"), "{header}");
        assert!(
            store
                .open(&id(), latchwork_session::View::Context)
                .await
                .unwrap()
                .report
                .damage
                .is_empty()
        );
    }
    assert!(seen > 0, "there are old sessions to try");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_peer_adds_to_an_old_version_while_it_is_brought_up_to_date_is_in_it_or_kept_beside()
{
    let old = "{\"type\":\"session\",\"version\":2,\"id\":\"s\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/\"}\n";
    for step in ["migrate:staged", "latch:staged"] {
        let bench = Bench::new();
        std::fs::create_dir(bench.sessions()).unwrap();
        let first = pi_user("0000000a", None, "before");
        std::fs::write(bench.transcript(), format!("{old}{first}")).unwrap();
        let steps = Arc::new(ScriptedSteps::new());
        let (path, told) = (bench.transcript(), AtomicBool::new(false));
        steps.on(step, move || {
            if !told.swap(true, Ordering::SeqCst) {
                append_raw(
                    &path,
                    pi_user("0000000b", Some("0000000a"), "meanwhile").as_bytes(),
                );
            }
        });
        let store = bench.store_with(steps);
        commit(&store, &Head::default(), at_head(vec![user("after")]))
            .await
            .unwrap();
        let said = said(&store).await;
        let beside = std::fs::read_dir(bench.sidecars().join("s.quarantine")).unwrap();
        let beside: String = beside
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .collect();
        if step == "migrate:staged" {
            assert_eq!(said, ["before", "meanwhile", "after"]);
        } else {
            assert_eq!(said, ["before", "after"]);
        }
        assert!(
            beside.contains("\"meanwhile\"") && beside.contains("\"before\""),
            "{beside}"
        );
    }
}
