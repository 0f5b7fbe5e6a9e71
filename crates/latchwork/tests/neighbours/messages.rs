//! Messages of another program, mirrored.

use crate::*;

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_mirrored_once_under_openclaws_keys_in_one_commit() {
    let bench = Bench::new();
    let (to, told) = mpsc::channel();
    let listening = bench.latchwork.on_update(move |update| {
        let _gone = to.send(update.entries.len());
    });
    let all = [
        message("user", "fix it", Some("u1:prompt")),
        message("system", "no role of a mirror", None),
        message("assistant", "fixed", None),
        message("toolResult", "out", Some("u1:tool:c:result")),
    ];
    let done = bench.mirror(&all, &how()).await;
    assert_eq!((done.written.len(), done.already, done.other), (3, 0, 1));
    // The header's own note of the session's key comes with the first commit.
    let entries = told.recv().unwrap();
    assert!(entries == 3 || entries == 4, "one update: {entries}");
    let again = bench.mirror(&all, &how()).await;
    assert_eq!((again.written.len(), again.already), (0, 3));

    let keys: Vec<String> = bench
        .entries()
        .await
        .iter()
        .filter_map(RawEntry::key)
        .collect();
    assert_eq!(keys[0], "codex-app-server:t1:u1:prompt");
    assert!(
        keys[1].starts_with("codex-app-server:t1:assistant:") && keys[1].len() == 46,
        "{keys:?}"
    );
    let first = bench
        .entries()
        .await
        .into_iter()
        .find(|entry| entry.message().is_some())
        .unwrap();
    let told: Value = serde_json::from_str(first.text()).unwrap();
    assert_eq!(
        told["message"]["idempotencyKey"],
        keys[0].as_str(),
        "OpenClaw is told it, too"
    );
    // Another scope is another conversation, and without one there is nothing to know a message by.
    let mut other = how();
    other.scope = Some("codex-app-server:t2".to_owned());
    assert_eq!(bench.mirror(&all[..1], &other).await.written.len(), 1);
    for _ in 0..2 {
        assert_eq!(
            bench
                .mirror(&all[..1], &MirrorHow::default())
                .await
                .written
                .len(),
            1
        );
    }
    drop(listening);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_keeps_replaces_and_blocks_and_is_not_asked_of_what_stands() {
    let bench = Bench::new();
    let asked = Arc::new(AtomicU64::new(0));
    let counts = asked.clone();
    let mut how = how();
    how.before_write = Some(Arc::new(move |message| {
        counts.fetch_add(1, Ordering::SeqCst);
        match message.get() {
            text if text.contains("secret") => {
                let other = r#"{"role":"user","content":"***","idempotencyKey":"stolen"}"#;
                BeforeWrite::Replace(
                    serde_json::value::RawValue::from_string(other.to_owned()).unwrap(),
                )
            }
            text if text.contains("never") => BeforeWrite::Block,
            _ => BeforeWrite::Keep,
        }
    }));
    let all = ["kept", "secret", "never"].map(|text| message("user", text, Some(text)));
    let done = bench.mirror(&all, &how).await;
    assert_eq!((done.written.len(), done.blocked), (2, 1));
    assert_eq!(bench.said().await, ["user: kept", "user: ***"]);
    let keys: Vec<String> = bench
        .entries()
        .await
        .iter()
        .filter_map(RawEntry::key)
        .collect();
    assert_eq!(
        keys,
        ["codex-app-server:t1:kept", "codex-app-server:t1:secret"],
        "put back"
    );
    bench.mirror(&all, &how).await;
    assert_eq!(
        asked.load(Ordering::SeqCst),
        4,
        "the blocked one is asked about again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_under_way_is_waited_for_and_named() {
    let bench = Bench::new();
    bench.persist(&turn("hello", "hi")).await;
    let mut scope = LockScope::open();
    let id = TurnId("somebody's".to_owned());
    let ask = ClaimAsk {
        session: bench.session.id(),
        turn: &id,
        if_claimed: IfClaimed::Wait(Wait::Never),
    };
    let claim = bench
        .session
        .store()
        .claim(scope.unlocked(), ask)
        .await
        .unwrap();
    let all = [message("user", "meanwhile", Some("m"))];
    let mut impatient = how();
    impatient.wait = Duration::ZERO;
    let mut own = LockScope::open();
    let refused = bench
        .session
        .mirror(&mut own, &all, &impatient)
        .await
        .unwrap_err();
    let MirrorError::Claimed { holder, .. } = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(holder.pid, Some(std::process::id()));
    assert_eq!(bench.said().await.len(), 2, "nothing was written");

    let (to, waits) = mpsc::channel();
    let mut patient = how();
    patient.on_wait = Some(Arc::new(move |_| to.send(()).unwrap_or_default()));
    let session = bench.session.clone();
    let mirror = tokio::spawn(async move {
        let mut scope = LockScope::open();
        session
            .mirror(&mut scope, &all, &patient)
            .await
            .unwrap()
            .written
            .len()
    });
    tokio::task::spawn_blocking(move || waits.recv().unwrap())
        .await
        .unwrap();
    drop(claim);
    assert_eq!(mirror.await.unwrap(), 1);
}
