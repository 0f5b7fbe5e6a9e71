//! What is no transcript is refused by name and not touched.

use std::os::unix::fs::PermissionsExt;

use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{AppendError, GuardAsk, Head, SessionLocks, TranscriptStore, View};

use crate::bench::*;

async fn both_refuse(bench: &Bench, word: &str) {
    let store = bench.store();
    let opened = store
        .open(&id(), View::Everything)
        .await
        .unwrap_err()
        .to_string();
    assert!(opened.contains(word), "{opened}");
    let session = id();
    let mut scope = LockScope::open();
    let locked = store
        .guard(
            &mut scope,
            GuardAsk::side(&session, Phase::SIDE, Wait::Never),
        )
        .await
        .map(drop);
    let locked = locked.unwrap_err().to_string();
    assert!(locked.contains(word), "{locked}");
}

#[tokio::test]
async fn a_directory_a_pipe_and_a_link_are_refused_with_a_sentence() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.transcript()).unwrap();
    both_refuse(&bench, "directory").await;

    let bench = Bench::new();
    std::fs::create_dir(bench.sessions()).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(bench.transcript())
            .status()
            .unwrap()
            .success()
    );
    both_refuse(&bench, "FIFO").await;

    let bench = Bench::new();
    std::fs::create_dir(bench.sessions()).unwrap();
    let victim = bench.sessions().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, bench.transcript()).unwrap();
    both_refuse(&bench, "symbolic link").await;
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
}

#[tokio::test]
async fn a_transcript_with_two_names_is_not_written() {
    let bench = Bench::new();
    let store = bench.store();
    begun(&store).await;
    std::fs::hard_link(bench.transcript(), bench.sessions().join("second-name")).unwrap();
    let session = id();
    let mut scope = LockScope::open();
    let refused = store
        .guard(
            &mut scope,
            GuardAsk::side(&session, Phase::SIDE, Wait::Never),
        )
        .await
        .map(drop);
    assert!(refused.unwrap_err().to_string().contains("hard links"));
}

#[tokio::test]
async fn what_has_no_header_or_a_newer_one_is_read_and_not_written() {
    for (text, word) in [
        (
            "{\"type\":\"session\",\"version\":9,\"id\":\"s\",\"timestamp\":\"t\",\"cwd\":\"/\"}\n",
            "version 9",
        ),
        (
            "rubbish\n{\"type\":\"message\",\"id\":\"a\",\"parentId\":null}\n",
            "not a session header",
        ),
        (" \n", "no session header"),
    ] {
        let bench = Bench::new();
        std::fs::create_dir(bench.sessions()).unwrap();
        std::fs::write(bench.transcript(), text).unwrap();
        let store = bench.store();
        assert!(open(&store).await.report.read_only.unwrap().contains(word));
        let refused = commit(&store, &Head::default(), at_head(vec![user("x")])).await;
        assert!(
            matches!(&refused, Err(AppendError::ReadOnly { why, .. }) if why.contains(word)),
            "{refused:?}"
        );
        assert_eq!(bench.text(), text);
    }
}

#[tokio::test]
async fn what_is_made_is_for_its_owner_alone() {
    let bench = Bench::new();
    let store = bench.store();
    let base = begun(&store).await;
    bench.append_raw(b"{\"fragment");
    commit(&store, &base, going_on(vec![keyed("a")]))
        .await
        .unwrap();
    let mut looked_at = 0;
    let mut dirs = vec![bench.sessions()];
    while let Some(dir) = dirs.pop() {
        assert_eq!(
            std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777,
            0o700,
            "{dir:?}"
        );
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            looked_at += 1;
            if path.is_dir() {
                dirs.push(path);
            } else {
                assert_eq!(
                    std::fs::metadata(&path).unwrap().permissions().mode() & 0o077,
                    0,
                    "{path:?}"
                );
            }
        }
    }
    assert!(looked_at >= 5);
}
