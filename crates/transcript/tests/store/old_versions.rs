//! Versions 1 and 2 are read in place; the first write brings them up to version 3, whole, and keeps the original.

use std::path::Path;

use latchwork_session::TranscriptStore;

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
