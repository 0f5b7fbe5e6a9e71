//! A panic in the middle of setting up a provider, with its key at hand already, or with a provider that has it: nothing that is
//! printed has the key, though the whole stack is shown. The panics are real ones, of a process of its own.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "panics are what this is about"
)]

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use latchwork::config::SecretSource;
use latchwork::lock::LockScope;
use latchwork::models::{Models, ModelsOptions, OpenAiOptions, Secret};
use latchwork::runner::Unwatched;
use latchwork::sys::System;
use latchwork::{Latchwork, OPENAI, SessionArg, Settings};
use tokio_util::sync::CancellationToken;

const CANARY: &str = "sk-qcanaryq-0123456789";
const ROLE: &str = "LATCHWORK_TEST_PANIC";

/// Gives the first secret, and panics where it is asked for another.
#[derive(Default)]
struct Places {
    given: Mutex<Vec<String>>,
}

impl SecretSource for Places {
    fn variable(&self, name: &str) -> Option<String> {
        let mut given = self.given.lock().unwrap();
        given.push(name.to_owned());
        assert!(given.len() < 2, "no second secret: {given:?}");
        Some(CANARY.to_owned())
    }

    fn file(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn command(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

#[expect(clippy::disallowed_methods, reason = "the entry point of a test")]
async fn panics() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings {
        model: Some("openai/m".to_owned()),
        ..Settings::default()
    };
    let openai = settings.models.get_mut(OPENAI).unwrap();
    openai.key = Some("env:KEY".parse().unwrap());
    openai
        .headers
        .insert("x-more".to_owned(), "env:MORE".parse().unwrap());
    let latchwork = Latchwork::new(settings, System::real(), Arc::new(Places::default())).unwrap();
    let path = SessionArg::Path(dir.path().join("talk.jsonl"));
    let session = latchwork.session(&path).unwrap();
    let mut scope = LockScope::open();
    let ask = session.ask("Hello", None).unwrap();
    let cancel = CancellationToken::new();
    let told = session
        .run(&mut scope, ask, Arc::new(Unwatched), cancel)
        .await;
    // As somebody would who does not expect it.
    panic!("{:?} {:?}", told.unwrap_err(), latchwork.settings());
}

/// A provider that has everything that is secret, in the words of whoever shows it.
fn shows() {
    let options = OpenAiOptions {
        key: Some(Secret::new(CANARY)),
        proxy: Some(Secret::new(CANARY)),
        headers: [("x-more".to_owned(), Secret::new(CANARY))].into(),
        ..OpenAiOptions::default()
    };
    let options = ModelsOptions {
        providers: [(OPENAI.to_owned(), options)].into(),
    };
    let models = Models::new(options.clone(), System::real()).unwrap();
    panic!("{options:?} {models:?}");
}

#[test]
fn a_panic_about_a_provider_tells_no_key() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the test tells itself apart from its child"
    )]
    match std::env::var(ROLE).as_deref() {
        Ok("turn") => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build();
            return runtime.unwrap().block_on(panics());
        }
        Ok(_) => return shows(),
        Err(_) => {}
    }
    for (role, shown) in [
        (
            "turn",
            &[
                "no second secret: [\"KEY\", \"MORE\"]",
                "SecretRef(env:KEY)",
            ][..],
        ),
        ("provider", &["api.openai.com"]),
    ] {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_panic_about_a_provider_tells_no_key",
                "--nocapture",
            ])
            .env(ROLE, role)
            .env("RUST_BACKTRACE", "full")
            .output()
            .unwrap();
        let told =
            [child.stdout, child.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let told = told.concat();
        assert!(!child.status.success(), "{role}: {told}");
        for words in ["panicked at", "stack backtrace"].iter().chain(shown) {
            assert!(told.contains(words), "{role}: {words} in {told}");
        }
        assert!(!told.contains("qcanaryq"), "{role}: {told}");
    }
}
