//! The promises of [`Inbox`](crate::Inbox).

use latchwork_format::SessionId;
use latchwork_lock::{LockScope, Phase};
use serde_json::value::RawValue;

use super::{Backend, fresh, soon};
use crate::{EntryId, GuardAsk, InboxError, Incoming, Key};

/// All of them.
pub async fn keeps(backend: &Backend) {
    a_message_is_accepted_once_in_order_and_unchanged(backend).await;
    a_message_is_accepted_while_somebody_writes(backend).await;
    a_cancelled_or_retired_message_waits_no_more(backend).await;
    what_is_no_message_is_refused(backend).await;
}

fn message(key: &str, json: &str) -> Incoming {
    Incoming {
        key: Key::new(key).expect("a key"),
        message: RawValue::from_string(json.to_owned()).expect("JSON"),
        at_ms: 5,
        session_key: Some("talk".into()),
    }
}

async fn waiting(backend: &Backend, session: &SessionId) -> Vec<String> {
    let waiting = backend
        .inbox
        .waiting(session)
        .await
        .expect("an inbox reads");
    waiting
        .iter()
        .map(|message| message.key.to_string())
        .collect()
}

/// A retry is the same message; the first text counts; strange strings stay as they are.
pub async fn a_message_is_accepted_once_in_order_and_unchanged(backend: &Backend) {
    let session = fresh("accept");
    let odd = r#"{"role":"user","content":"\ud800 \u0000 1e999","x":1e999}"#;
    assert!(
        !backend
            .inbox
            .accept(&session, message("k1", odd))
            .await
            .expect("accepted")
            .already
    );
    backend
        .inbox
        .accept(&session, message("k2", r#"{"role":"user","content":"b"}"#))
        .await
        .expect("accepted");
    let retry = backend
        .inbox
        .accept(
            &session,
            message("k1", r#"{"role":"user","content":"other"}"#),
        )
        .await;
    assert!(retry.expect("a retry").already);
    let list = backend
        .inbox
        .waiting(&session)
        .await
        .expect("an inbox reads");
    assert_eq!(waiting(backend, &session).await, ["k1", "k2"]);
    assert_eq!(
        (
            list[0].message.get(),
            list[0].at_ms,
            list[0].session_key.as_deref()
        ),
        (odd, 5, Some("talk"))
    );
}

/// Accepting needs no guard.
pub async fn a_message_is_accepted_while_somebody_writes(backend: &Backend) {
    let session = fresh("held");
    let mut scope = LockScope::open();
    let ask = GuardAsk::side(&session, Phase::SIDE, soon());
    let guard = backend.locks.guard(&mut scope, ask).await.expect("a guard");
    backend
        .inbox
        .accept(&session, message("k", r#"{"role":"user","content":"a"}"#))
        .await
        .expect("accepted");
    drop(guard);
    assert_eq!(waiting(backend, &session).await, ["k"]);
}

/// Both ends are ends, and only a message that waits can be cancelled.
pub async fn a_cancelled_or_retired_message_waits_no_more(backend: &Backend) {
    let session = fresh("end");
    for key in ["a", "b", "c"] {
        backend
            .inbox
            .accept(&session, message(key, r#"{"role":"user","content":"x"}"#))
            .await
            .expect("accepted");
    }
    let key = |name: &str| Key::new(name).expect("a key");
    assert!(
        backend
            .inbox
            .cancel(&session, &key("a"), "not wanted")
            .await
            .expect("cancelled")
    );
    assert!(
        !backend
            .inbox
            .cancel(&session, &key("a"), "again")
            .await
            .expect("no error")
    );
    assert!(
        !backend
            .inbox
            .cancel(&session, &key("unknown"), "x")
            .await
            .expect("no error")
    );
    let mut scope = LockScope::open();
    let ask = GuardAsk::side(&session, Phase::SETTLE, soon());
    let mut guard = backend.locks.guard(&mut scope, ask).await.expect("a guard");
    let answered = [(key("b"), EntryId::new("e1"))];
    backend
        .inbox
        .retire(&mut guard, &session, &answered)
        .await
        .expect("retired");
    drop(guard);
    assert_eq!(waiting(backend, &session).await, ["c"]);
    let retry = backend
        .inbox
        .accept(&session, message("b", r#"{"role":"user","content":"x"}"#))
        .await;
    assert!(
        retry.expect("a retry").already,
        "a retired message is still known"
    );
    assert_eq!(waiting(backend, &session).await, ["c"]);
}

/// An inbox takes what a user says.
pub async fn what_is_no_message_is_refused(backend: &Backend) {
    let session = fresh("bad");
    for bad in [
        r#""text""#,
        r#"{"content":"no role"}"#,
        r#"{"role":"assistant","content":[]}"#,
        "[]",
    ] {
        let refused = backend.inbox.accept(&session, message("k", bad)).await;
        assert!(
            matches!(refused, Err(InboxError::BadMessage { .. })),
            "{bad}"
        );
    }
    assert!(waiting(backend, &session).await.is_empty());
}
