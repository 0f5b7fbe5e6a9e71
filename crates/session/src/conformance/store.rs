//! The promises of [`TranscriptStore`](crate::TranscriptStore).

use latchwork_format::Body;
use latchwork_lock::{LockScope, Phase};

use super::{Backend, assistant, born, fresh, keyed, label, soon, user};
use crate::{
    AppendError, Commit, EntryId, GuardAsk, Head, Intent, Key, NewEntry, Outcome, Position,
    Replacement, Rewrite, RewriteMode, View,
};

/// All of them.
pub async fn keeps(backend: &Backend) {
    a_session_that_is_not_there_is_empty(backend).await;
    a_commit_is_a_chain_and_its_receipt_is_the_next_base(backend).await;
    a_key_names_one_message(backend).await;
    a_reply_is_moved_over_metadata(backend).await;
    a_message_in_between_is_answered_next_and_stands_once(backend).await;
    an_exchange_in_between_stands_behind_the_reply_whole(backend).await;
    a_reply_to_a_branch_that_was_left_is_kept_and_moves_no_head(backend).await;
    a_branch_begins_with_what_is_told_of_the_one_that_was_left(backend).await;
    a_stale_compaction_is_refused(backend).await;
    a_guard_of_another_session_writes_nothing(backend).await;
    pages_give_everything_in_order(backend).await;
    a_rewrite_replaces_on_the_active_branch(backend).await;
    a_rewrite_in_place_keeps_ids_and_leaves_nothing_of_what_was_there(backend).await;
}

/// Reading what is not there is no error; writing it needs to say how it begins.
pub async fn a_session_that_is_not_there_is_empty(backend: &Backend) {
    let session = fresh("none");
    let snapshot = backend.open(&session).await;
    assert!(
        !snapshot.exists && snapshot.head.leaf.is_none() && snapshot.transcript.entry_count() == 0
    );
    let refused = backend
        .commit(&session, &snapshot.head, Commit::side(vec![user("x")]))
        .await;
    assert!(
        matches!(refused, Err(AppendError::NoSession { .. })),
        "{refused:?}"
    );
    assert!(
        !backend.open(&session).await.exists,
        "a refused commit makes no session"
    );
}

/// Each entry is the parent of the next, and the receipt's head is the snapshot's.
pub async fn a_commit_is_a_chain_and_its_receipt_is_the_next_base(backend: &Backend) {
    let session = fresh("chain");
    let first = born(vec![user("a"), assistant("b")], Intent::Continue);
    let receipt = backend
        .commit(&session, &Head::default(), first)
        .await
        .expect("a first commit");
    assert_eq!(
        receipt.placed[1].parent.as_ref(),
        Some(&receipt.placed[0].id)
    );
    assert_eq!(receipt.outcome, Outcome::Clean);
    let next = Commit {
        intent: Intent::Continue,
        ..Commit::side(vec![user("c")])
    };
    let second = backend
        .commit(&session, &receipt.head, next)
        .await
        .expect("a second commit");
    assert_eq!(
        second.placed[0].parent.as_ref(),
        Some(&receipt.placed[1].id)
    );
    assert_eq!(backend.said(&session).await, ["a", "b", "c"]);
    assert_eq!(
        backend.open(&session).await.head.leaf.as_ref(),
        Some(&second.placed[0].id)
    );
}

/// A retry is answered with the place of the first.
pub async fn a_key_names_one_message(backend: &Backend) {
    let session = fresh("key");
    let first = backend.begun(&session, vec![keyed("a", "k")]).await;
    let twice = Commit::side(vec![keyed("a", "k"), keyed("b", "k2"), keyed("b", "k2")]);
    let again = backend
        .commit(&session, &Head::default(), twice)
        .await
        .expect("a retry");
    assert!(again.placed[0].duplicate && again.placed[0].id == first.placed[0].id);
    assert!(!again.placed[1].duplicate && again.placed[1].id == again.placed[2].id);
    assert_eq!(backend.said(&session).await, ["a", "b"]);
}

/// What does not speak is no reason to leave the branch.
pub async fn a_reply_is_moved_over_metadata(backend: &Backend) {
    let session = fresh("rebase");
    let base = backend
        .begun(&session, vec![assistant("z"), user("a")])
        .await
        .head;
    let target = base.leaf.clone().expect("a leaf");
    let side = backend
        .commit(
            &session,
            &Head::default(),
            Commit::side(vec![label(&target)]),
        )
        .await
        .expect("a label");
    let reply = backend.replied(&session, &base, vec![assistant("b")]).await;
    assert_eq!(
        reply.outcome,
        Outcome::Rebased {
            over: vec![side.placed[0].id.clone()]
        }
    );
    assert_eq!(reply.placed[0].parent.as_ref(), Some(&side.placed[0].id));
}

/// A keyed message that came in while the reply was made is not taken as answered.
pub async fn a_message_in_between_is_answered_next_and_stands_once(backend: &Backend) {
    let session = fresh("diverge");
    let base = backend
        .begun(&session, vec![assistant("z"), user("a")])
        .await
        .head;
    let side = Commit::side(vec![keyed("wait", "k")]);
    let side = backend
        .commit(&session, &Head::default(), side)
        .await
        .expect("a message");
    let reply = backend.replied(&session, &base, vec![assistant("b")]).await;
    let Outcome::Diverged { again, kept } = &reply.outcome else {
        panic!("{:?}", reply.outcome)
    };
    assert!(kept.is_empty() && again.len() == 1 && again[0].id != side.placed[0].id);
    assert_eq!(again[0].parent.as_ref(), Some(&reply.placed[0].id));
    assert_eq!(backend.said(&session).await, ["z", "a", "b", "wait"]);
    let retry = backend
        .commit(
            &session,
            &Head::default(),
            Commit::side(vec![keyed("wait", "k")]),
        )
        .await;
    assert_eq!(
        retry.expect("a retry").placed[0].id,
        again[0].id,
        "a retry is answered with the newest placement"
    );
}

/// A message that came in with its reply keeps it: nobody answers it a second time.
pub async fn an_exchange_in_between_stands_behind_the_reply_whole(backend: &Backend) {
    let session = fresh("exchange");
    let base = backend
        .begun(&session, vec![assistant("z"), user("a")])
        .await
        .head;
    let answer = NewEntry {
        key: keyed("", "k2").key,
        ..assistant("sun")
    };
    let side = Commit::side(vec![keyed("weather?", "k1"), answer, keyed("wait", "k3")]);
    backend
        .commit(&session, &Head::default(), side)
        .await
        .expect("an exchange and a message");
    let reply = backend.replied(&session, &base, vec![assistant("b")]).await;
    let Outcome::Diverged { again, kept } = &reply.outcome else {
        panic!("{:?}", reply.outcome)
    };
    assert!(kept.is_empty() && again.len() == 3);
    assert_eq!(again[1].parent.as_ref(), Some(&again[0].id));
    assert_eq!(
        backend.said(&session).await,
        ["z", "a", "b", "weather?", "sun", "wait"]
    );
}

/// After a rewind, the reply of the old turn stays where it belongs.
pub async fn a_reply_to_a_branch_that_was_left_is_kept_and_moves_no_head(backend: &Backend) {
    let session = fresh("rewind");
    let first = backend
        .begun(&session, vec![user("a"), assistant("b"), user("c")])
        .await;
    backend
        .rewound(&session, &first.placed[1].id, "try again")
        .await;
    let side = Commit::side(vec![user("d")]);
    backend
        .commit(&session, &Head::default(), side)
        .await
        .expect("a message after the rewind");
    let late = backend
        .replied(&session, &first.head, vec![assistant("late")])
        .await;
    assert_eq!(
        late.outcome,
        Outcome::Aside {
            because: Replacement::Moved("try again".into())
        }
    );
    assert_eq!(
        late.placed[0].parent.as_ref(),
        first.head.leaf.as_ref(),
        "it stays on its branch"
    );
    assert_eq!(backend.said(&session).await, ["a", "b", "d"]);
    assert!(
        backend
            .open(&session)
            .await
            .transcript
            .entry(&late.placed[0].id)
            .is_some(),
        "it is kept"
    );
}

/// The move and what is told stand together, below the place that was chosen, and the conversation goes on after both.
pub async fn a_branch_begins_with_what_is_told_of_the_one_that_was_left(backend: &Backend) {
    let session = fresh("branch");
    let first = backend
        .begun(&session, vec![user("a"), assistant("b"), user("c")])
        .await;
    let to = &first.placed[1].id;
    let told = || Body::BranchSummary {
        from: Some(to.clone()),
        summary: "c was asked".to_owned(),
        details: None,
    };
    let branch = async |entries: Vec<NewEntry>| {
        let mut scope = LockScope::open();
        let ask = GuardAsk::side(&session, Phase::SIDE, soon());
        let mut guard = backend.locks.guard(&mut scope, ask).await.expect("a guard");
        let store = &backend.store;
        store.branch(&mut guard, Some(to), "other", entries).await
    };
    let keyed = NewEntry::keyed(told(), Key::new("k").expect("a key"));
    let refused = branch(vec![keyed]).await;
    assert!(
        matches!(refused, Err(AppendError::BadEntry { index: 0, .. })),
        "{refused:?}"
    );
    let receipt = branch(vec![NewEntry::new(told())]).await.expect("a branch");
    assert_eq!(receipt.placed[0].parent.as_ref(), Some(to));
    assert_eq!(
        receipt.placed[1].parent.as_ref(),
        Some(&receipt.placed[0].id)
    );
    let side = Commit::side(vec![user("d")]);
    let next = backend.commit(&session, &Head::default(), side).await;
    let next = next.expect("a message on the branch");
    assert_eq!(next.placed[0].parent.as_ref(), Some(&receipt.placed[1].id));
    let late = backend
        .replied(&session, &first.head, vec![assistant("late")])
        .await;
    assert!(matches!(late.outcome, Outcome::Aside { .. }), "{late:?}");
    assert_eq!(backend.said(&session).await, ["a", "b", "d"]);
}

/// What was made for a branch that was left is refused when it asks for that.
pub async fn a_stale_compaction_is_refused(backend: &Backend) {
    let session = fresh("stale");
    let first = backend
        .begun(&session, vec![user("a"), assistant("b"), user("c")])
        .await;
    backend.rewound(&session, &first.placed[0].id, "away").await;
    let stale = Commit {
        intent: Intent::IfAncestor,
        ..Commit::side(vec![user("summary")])
    };
    let refused = backend.commit(&session, &first.head, stale).await;
    assert!(
        matches!(refused, Err(AppendError::Stale { .. })),
        "{refused:?}"
    );
}

/// A guard is for its own session.
pub async fn a_guard_of_another_session_writes_nothing(backend: &Backend) {
    let (session, other) = (fresh("mine"), fresh("other"));
    let mut scope = LockScope::open();
    let ask = GuardAsk::side(&other, Phase::SIDE, soon());
    let mut guard = backend.locks.guard(&mut scope, ask).await.expect("a guard");
    let birth = born(vec![user("x")], Intent::AtHead);
    // The store finds the session by the guard; a base or a target cannot smuggle another in.
    let wrote = backend
        .store
        .append(&mut guard, &Head::default(), birth)
        .await
        .expect("its own session is written");
    drop(guard);
    assert!(!wrote.placed.is_empty() && !backend.open(&session).await.exists);
    assert!(backend.open(&other).await.exists);
}

/// A reader that goes page by page sees every entry once, in stored order.
pub async fn pages_give_everything_in_order(backend: &Backend) {
    let session = fresh("pages");
    let texts = ["a", "b", "c", "d", "e"];
    let commit = born(
        texts.iter().map(|text| user(text)).collect(),
        Intent::AtHead,
    );
    backend
        .commit(&session, &Head::default(), commit)
        .await
        .expect("a commit");
    let (mut from, mut seen) = (Position::default(), Vec::new());
    loop {
        let page = backend.store.read(&session, from, 2).await.expect("a page");
        seen.extend(
            page.entries
                .iter()
                .filter_map(|(_, entry)| entry.message())
                .map(|message| message.text()),
        );
        if !page.more {
            break;
        }
        assert!(page.next > from, "pages go on");
        from = page.next;
    }
    assert_eq!(seen, texts);
}

/// The replaced entry is shown in place of the old one, and the old one stays stored.
pub async fn a_rewrite_replaces_on_the_active_branch(backend: &Backend) {
    let session = fresh("rewrite");
    let commit = born(
        vec![user("a"), user("a long story"), assistant("c")],
        Intent::AtHead,
    );
    let first = backend
        .commit(&session, &Head::default(), commit)
        .await
        .expect("a commit");
    let mut scope = LockScope::open();
    let ask = GuardAsk::side(&session, Phase::MAINTAIN, soon());
    let mut guard = backend.locks.guard(&mut scope, ask).await.expect("a guard");
    let change = Rewrite {
        replacements: vec![(first.placed[1].id.clone(), user("short").body)],
        ..Rewrite::default()
    };
    let done = backend
        .store
        .rewrite(&mut guard, &first.head, change)
        .await
        .expect("a rewrite");
    let none = backend
        .store
        .rewrite(&mut guard, &first.head, Rewrite::default())
        .await
        .expect("an empty rewrite");
    drop(guard);
    assert!(done.changed && done.rewritten_entries == 1 && done.branch_bytes_freed > 0);
    assert!(!none.changed && none.reason.is_some());
    assert_eq!(backend.said(&session).await, ["a", "short", "c"]);
}

/// The replaced entry is what it was but for its body, on whatever branch it stands, and the old body is stored nowhere.
pub async fn a_rewrite_in_place_keeps_ids_and_leaves_nothing_of_what_was_there(backend: &Backend) {
    let session = fresh("in-place");
    let commit = born(
        vec![user("a"), user("a long story"), assistant("c")],
        Intent::AtHead,
    );
    let first = backend
        .commit(&session, &Head::default(), commit)
        .await
        .expect("a commit");
    let ids: Vec<EntryId> = first
        .placed
        .iter()
        .map(|placed| placed.id.clone())
        .collect();
    let mut scope = LockScope::open();
    let ask = GuardAsk::side(&session, Phase::MAINTAIN, soon());
    let mut guard = backend.locks.guard(&mut scope, ask).await.expect("a guard");
    backend
        .store
        .move_head(&mut guard, ids.first(), "a test")
        .await
        .expect("a move of the head");
    let change = Rewrite {
        replacements: vec![(ids[1].clone(), user("short").body)],
        mode: RewriteMode::InPlace,
    };
    let done = backend
        .store
        .rewrite(&mut guard, &Head::default(), change)
        .await
        .expect("a rewrite in place");
    drop(guard);
    assert!(done.changed && done.rewritten_entries == 1);
    assert!(done.stored_bytes_delta < 0 && done.branch_bytes_freed == 0);
    assert_eq!(backend.said(&session).await, ["a"]);
    let all = backend
        .store
        .open(&session, View::Everything)
        .await
        .expect("the session");
    let there = all.transcript.entries();
    let there: Vec<String> = there
        .filter(|entry| ids.contains(entry.id()))
        .filter_map(|entry| Some(entry.message()?.text()))
        .collect();
    assert_eq!(there, ["a", "short", "c"]);
    for (entry, parent) in ids.iter().skip(1).zip(&ids) {
        let above = all
            .transcript
            .parent_of(entry)
            .map(latchwork_format::RawEntry::id);
        assert_eq!(above, Some(parent), "it hangs where it hung");
    }
}
