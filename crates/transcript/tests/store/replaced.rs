//! What a writer has seen is never silently made anew, and what is empty is begun.

use latchwork_session::{AppendError, Head, Intent};

use crate::bench::*;

#[tokio::test]
async fn a_transcript_that_was_removed_or_emptied_is_not_made_anew_and_the_words_are_kept() {
    for emptied in [false, true] {
        let bench = Bench::new();
        let store = bench.store();
        let base = begun(&store).await;
        if emptied {
            std::fs::write(bench.transcript(), "").unwrap();
        } else {
            std::fs::remove_file(bench.transcript()).unwrap();
        }
        let refused = commit(
            &store,
            &base,
            going_on(vec![user("precious"), user("words")]),
        )
        .await;
        assert!(
            matches!(refused, Err(AppendError::Replaced { .. })),
            "{refused:?}"
        );
        let there = std::fs::read(bench.transcript()).unwrap_or_default();
        assert_eq!(there, b"");
        let kept = std::fs::read_dir(bench.sidecars().join("s.quarantine")).unwrap();
        let kept: Vec<String> = kept
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        assert_eq!(kept.len(), 1);
        assert!(
            kept[0].contains("precious")
                && kept[0].contains("words")
                && kept[0].lines().count() == 2
        );
        // Who says that nothing had been seen begins anew.
        commit(&store, &Head::default(), going_on(vec![user("anew")]))
            .await
            .unwrap();
        assert_eq!(said(&store).await, ["anew"]);
    }
}

#[tokio::test]
async fn a_side_writer_of_this_process_is_told_once_that_the_transcript_was_removed() {
    let bench = Bench::new();
    let store = bench.store();
    begun(&store).await;
    std::fs::remove_file(bench.transcript()).unwrap();
    let refused = commit(&store, &Head::default(), at_head(vec![user("a")])).await;
    assert!(
        matches!(refused, Err(AppendError::Replaced { .. })),
        "{refused:?}"
    );
    commit(&store, &Head::default(), at_head(vec![user("b")]))
        .await
        .unwrap();
    assert_eq!(said(&store).await, ["b"]);
}

#[tokio::test]
async fn an_empty_file_is_begun_like_one_that_is_not_there() {
    let bench = Bench::new();
    std::fs::create_dir(bench.sessions()).unwrap();
    std::fs::write(bench.transcript(), "").unwrap();
    let store = bench.store();
    commit(&store, &Head::default(), at_head(vec![user("first")]))
        .await
        .unwrap();
    assert_eq!(said(&store).await, ["first"]);
    assert!(bench.text().starts_with("{\"type\":\"session\""));
}

#[tokio::test]
async fn an_exact_commit_is_refused_when_anything_came_in_between_and_answered_when_it_stands() {
    let bench = Bench::new();
    let store = bench.store();
    let base = begun(&store).await;
    let exact = |text: &str| {
        let mut commit = going_on(vec![keyed(text)]);
        commit.intent = Intent::Exact;
        commit
    };
    let first = commit(&store, &base, exact("a")).await.unwrap();
    let again = commit(&store, &base, exact("a")).await.unwrap();
    assert!(again.placed[0].duplicate);
    bench.append_raw(pi_name("0a0a0a0a", Some(first.placed[0].id.as_str())).as_bytes());
    let stale = commit(&store, &first.head, exact("b")).await;
    assert!(matches!(stale, Err(AppendError::Stale { .. })), "{stale:?}");
}
