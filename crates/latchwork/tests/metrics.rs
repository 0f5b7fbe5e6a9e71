//! What Prometheus is shown after a turn: over HTTP, and without a word of the conversation.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "each test is a task of its own, and a test that fails says so"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use latchwork::lock::LockScope;
use latchwork::runner::Unwatched;
use latchwork::sys::System;
use latchwork::{Latchwork, SessionArg, Settings, filelock, metrics, transcript};

use crate::common::{NoSecrets, RECORDED};

fn page(at: SocketAddr) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    let ask = format!("GET /metrics HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_turn_the_page_has_its_waits_and_holds_by_phase_its_commits_and_syncs_and_no_word_of_it()
 {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    metrics::serve(free).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let recorded = dir.path().join("recorded.jsonl");
    std::fs::write(&recorded, RECORDED).unwrap();
    let settings = Settings {
        home: Some(dir.path().join("home")),
        model: Some(format!("replay:{}@instant", recorded.display())),
        ..Settings::default()
    };
    let latchwork = Latchwork::new(settings, System::real(), Arc::new(NoSecrets)).unwrap();
    let session = latchwork
        .session(&SessionArg::parse("canary").unwrap())
        .unwrap();
    let ask = session.ask("a canary asks", None).unwrap();
    session
        .run(
            &mut LockScope::open(),
            ask,
            Arc::new(Unwatched),
            Default::default(),
        )
        .await
        .unwrap();

    let page = tokio::task::spawn_blocking(move || page(free))
        .await
        .unwrap();
    for name in [
        filelock::meter::WAIT,
        filelock::meter::HOLD,
        filelock::meter::WAITERS,
        transcript::meter::COMMITS,
        transcript::meter::SYNC,
    ] {
        assert!(page.contains(name), "{name}\n{page}");
    }
    let bucket = format!("{}_bucket{{phase=\"record\"", filelock::meter::HOLD);
    assert!(page.contains(&bucket), "{page}");
    assert!(
        !page.contains("canary") && !page.contains("recorded"),
        "{page}"
    );
    assert!(metrics::serve(free).is_err(), "a second time is told");
}
