//! Entries replaced where they stand.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::{Arc, Mutex};

use latchwork_format::EntryId;
use latchwork_lock::{LockScope, Phase};
use latchwork_session::{
    AppendError, GuardAsk, Head, Key, Level, NewEntry, Rewrite, RewriteMode, Rewritten,
    SessionLocks, TranscriptStore, View,
};
use latchwork_sys::ScriptedSteps;
use latchwork_transcript::FileStore;

use crate::bench::*;

async fn replace(
    store: &FileStore,
    base: &Head,
    replacements: Vec<(EntryId, NewEntry)>,
) -> Result<Rewritten, AppendError> {
    let replacements = replacements.into_iter().map(|(id, new)| (id, new.body));
    let rewrite = Rewrite {
        replacements: replacements.collect(),
        mode: RewriteMode::InPlace,
    };
    let (session, mut scope) = (id(), LockScope::open());
    let ask = GuardAsk::side(&session, Phase::MAINTAIN, soon());
    let mut guard = store.guard(&mut scope, ask).await.unwrap();
    let done = store.rewrite(&mut guard, base, rewrite).await;
    guard.release().await.unwrap();
    if let Ok(Rewritten {
        receipt: Some(receipt),
        ..
    }) = &done
    {
        receipt.reached(Level::Synced).await.unwrap();
    }
    done
}

fn with_key(text: &str) -> NewEntry {
    NewEntry {
        key: Some(Key::new("k1").unwrap()),
        ..user(text)
    }
}

async fn first_of(store: &FileStore) -> EntryId {
    let there = open(store).await;
    there.transcript.entries().next().unwrap().id().clone()
}

/// Everything under the folder of sessions that holds `text`.
fn files_with(bench: &Bench, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![bench.sessions()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if memchr::memmem::find(&std::fs::read(&path).unwrap(), text.as_bytes())
                .is_some()
            {
                found.push(path);
            }
        }
    }
    found
}

#[tokio::test]
async fn what_is_replaced_in_place_keeps_its_id_and_all_that_stands_around_it() {
    let bench = Bench::new();
    let store = bench.store();
    let base = begun(&store).await;
    let secret = "the password is hunter2, and so on and so on";
    let receipt = commit(
        &store,
        &base,
        going_on(vec![with_key(secret), assistant("ok")]),
    )
    .await
    .unwrap();
    let said_by_it = receipt.placed[0].clone();
    let before = bench.text();
    let done = replace(
        &store,
        &receipt.head,
        vec![(said_by_it.id.clone(), user("redacted"))],
    )
    .await
    .unwrap();
    let after = bench.text();
    assert!(done.changed && done.rewritten_entries == 1, "{done:?}");
    let grown = i64::try_from(after.len()).unwrap() - i64::try_from(before.len()).unwrap();
    assert_eq!(done.stored_bytes_delta, grown);
    assert_eq!(i64::try_from(done.branch_bytes_freed).unwrap(), -grown);
    assert!(grown < 0);
    assert_eq!(before.lines().count(), after.lines().count());
    for (old, new) in before.lines().zip(after.lines()) {
        if old.contains(secret) {
            // Only the text of the message is another.
            let cut = |line: &str| line.split("\"content\"").next().unwrap().to_owned();
            assert_eq!(cut(old), cut(new));
            assert!(
                new.contains("redacted") && new.contains("idempotencyKey"),
                "{new}"
            );
        } else {
            assert_eq!(old, new);
        }
    }
    assert_eq!(
        files_with(&bench, "hunter2"),
        Vec::<std::path::PathBuf>::new()
    );
    assert_eq!(said(&store).await, ["hello", "hi", "redacted", "ok"]);
    assert_eq!(
        said(&bench.store()).await,
        ["hello", "hi", "redacted", "ok"]
    );
    // The key is still the message's: said again, it is there already.
    let again = commit(&store, &receipt.head, at_head(vec![with_key("again")]))
        .await
        .unwrap();
    assert!(again.placed[0].duplicate, "{again:?}");
    let onwards = commit(&bench.store(), &receipt.head, going_on(vec![user("on")])).await;
    onwards.unwrap();
    assert_eq!(said(&store).await, ["hello", "hi", "redacted", "ok", "on"]);
}

#[tokio::test]
async fn what_another_program_wrote_beside_a_message_stays_to_the_byte() {
    let bench = Bench::new();
    let store = bench.store();
    begun(&store).await;
    let leaf = open(&store).await.transcript.leaf().cloned();
    let odd = r#","odd":{"z":1,"a":[ 1 ,2]},"n":1e999"#;
    let parent = leaf.as_ref().unwrap().as_str();
    bench.append_raw(
        format!(
            "{{\"id\":\"x\",\"type\":\"message\",\"parentId\":\"{parent}\"{odd},\"message\":{{\"role\":\"user\",\"content\":\"old\"}}}}\n"
        )
        .as_bytes(),
    );
    let done = replace(
        &store,
        &Head::default(),
        vec![(EntryId::new("x"), user("new"))],
    )
    .await;
    assert!(done.unwrap().changed);
    let text = bench.text();
    assert!(
        text.contains(odd) && text.contains("\"new\"") && !text.contains("\"old\""),
        "{text}"
    );
    let there = open(&store).await;
    assert!(there.report.damage.is_empty(), "{:?}", there.report);
    assert_eq!(
        there
            .transcript
            .parent_of(&EntryId::new("x"))
            .map(|parent| parent.id().clone()),
        leaf
    );
}

#[tokio::test]
async fn an_entry_that_is_not_there_or_says_so_already_changes_nothing() {
    let bench = Bench::new();
    let store = bench.store();
    let base = begun(&store).await;
    let before = (
        bench.text(),
        std::fs::metadata(bench.transcript()).unwrap().ino(),
    );
    let hello = first_of(&store).await;
    for (id, new) in [(EntryId::new("nobody"), "x"), (hello, "hello")] {
        let done = replace(&store, &base, vec![(id, user(new))]).await.unwrap();
        assert!(
            !done.changed && done.reason.is_some() && done.receipt.is_none(),
            "{done:?}"
        );
    }
    assert_eq!(
        (
            bench.text(),
            std::fs::metadata(bench.transcript()).unwrap().ino()
        ),
        before
    );
}

#[tokio::test]
async fn the_new_file_has_the_owner_and_the_permissions_of_the_old_one() {
    let bench = Bench::new();
    let store = bench.store();
    let base = begun(&store).await;
    let path = bench.transcript();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o662)).unwrap();
    // Only the superuser gives a file away.
    drop(std::os::unix::fs::chown(&path, Some(12_345), Some(54_321)));
    let facts = || {
        let facts = std::fs::metadata(&path).unwrap();
        (facts.mode() & 0o777, facts.uid(), facts.gid())
    };
    let before = facts();
    let hello = first_of(&store).await;
    assert!(
        replace(&store, &base, vec![(hello, user("bye"))])
            .await
            .unwrap()
            .changed
    );
    assert_eq!(facts(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_without_a_lock_that_writes_meanwhile_is_noticed_and_nothing_is_changed() {
    let bench = Bench::new();
    let steps = Arc::new(ScriptedSteps::new());
    let store = bench.store_with(steps.clone());
    let base = begun(&store).await;
    let hello = first_of(&store).await;
    let path = bench.transcript();
    let theirs = pi_user("theirs", base.leaf.as_ref().map(EntryId::as_str), "me too");
    let words = theirs.clone();
    let once = Mutex::new(Some(()));
    steps.on("rewrite:staged", move || {
        if once.lock().unwrap().take().is_some() {
            append_raw(&path, words.as_bytes());
        }
    });
    let before = bench.text();
    let refused = replace(&store, &base, vec![(hello.clone(), user("bye"))]).await;
    assert!(
        matches!(refused, Err(AppendError::Disturbed { .. })),
        "{refused:?}"
    );
    assert_eq!(bench.text(), before + &theirs);
    let left: Vec<_> = std::fs::read_dir(bench.sessions())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter()
            .all(|name| !name.to_string_lossy().contains("tmp")),
        "{left:?}"
    );
    // When that program is done, it goes well.
    assert!(
        replace(&store, &base, vec![(hello, user("bye"))])
            .await
            .unwrap()
            .changed
    );
    assert_eq!(said(&store).await, ["bye", "hi", "me too"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_program_without_a_lock_wrote_in_the_last_moment_is_taken_over() {
    let bench = Bench::new();
    let steps = Arc::new(ScriptedSteps::new());
    let store = bench.store_with(steps.clone());
    let base = begun(&store).await;
    let hello = first_of(&store).await;
    // It has opened the file before it is replaced, and writes behind that.
    let held = std::fs::OpenOptions::new()
        .append(true)
        .open(bench.transcript())
        .unwrap();
    let theirs = pi_user("theirs", base.leaf.as_ref().map(EntryId::as_str), "me too");
    steps.on("rewrite:in-place", move || {
        (&held).write_all(theirs.as_bytes()).unwrap();
    });
    let done = replace(&store, &base, vec![(hello, user("bye"))])
        .await
        .unwrap();
    assert_eq!(done.stored_bytes_delta, -2, "theirs is not our doing");
    for store in [&store, &bench.store()] {
        assert_eq!(said(store).await, ["bye", "hi", "me too"]);
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_the_old_file_sees_the_new_one() {
    let bench = Bench::new();
    let (writer, reader) = (bench.store(), bench.store());
    let base = begun(&writer).await;
    assert_eq!(said(&reader).await, ["hello", "hi"]);
    let hello = first_of(&writer).await;
    replace(
        &writer,
        &base,
        vec![(hello.clone(), user("a much longer word than before"))],
    )
    .await
    .unwrap();
    for view in [View::Context, View::Last(5), View::Branch, View::Everything] {
        let seen = reader.open(&id(), view).await.unwrap();
        let first = seen
            .transcript
            .entry(&hello)
            .unwrap()
            .message()
            .unwrap()
            .text();
        assert_eq!(first, "a much longer word than before", "{view:?}");
    }
    // And whoever had the old one as its base goes on.
    commit(&reader, &base, going_on(vec![user("on")]))
        .await
        .unwrap();
    assert_eq!(
        said(&writer).await,
        ["a much longer word than before", "hi", "on"]
    );
}
