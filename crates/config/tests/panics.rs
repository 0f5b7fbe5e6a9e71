//! A panic while secrets are held says nothing of them, whatever is unwrapped and however much of the stack is shown.
//!
//! The panics are real ones of a process of its own: this test program, started again.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unnecessary_literal_unwrap,
    clippy::unwrap_used,
    reason = "panics are what this is about"
)]

use std::io;
use std::path::Path;
use std::process::Command;

use latchwork_config::{SecretRef, SecretSource, SecretValue};

const CANARY: &str = "sk-qcanaryq-0123456789";
/// Which panic the child is for; its number.
const ROLE: &str = "LATCHWORK_TEST_PANIC";

struct Places;

impl SecretSource for Places {
    fn variable(&self, name: &str) -> Option<String> {
        (name != "PANICS").then(|| CANARY.to_owned())
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        panic!("the source failed at {path:?}")
    }

    fn command(&self, _: &str) -> io::Result<String> {
        Ok(format!("{CANARY}\n"))
    }
}

fn secret(reference: &str) -> SecretValue {
    let reference: SecretRef = reference.parse().unwrap();
    reference.resolve(&Places).unwrap()
}

/// What holds a secret, as options of a provider do.
#[derive(Debug)]
#[expect(dead_code, reason = "it is there to be shown")]
struct Options {
    key: Option<SecretValue>,
    from: SecretRef,
    headers: Vec<(String, SecretValue)>,
}

fn options() -> Options {
    Options {
        key: Some(secret("env:KEY")),
        from: format!("cmd:curl -H {CANARY}").parse().unwrap(),
        headers: vec![("x".to_owned(), secret("cmd:any"))],
    }
}

/// Panics in one of several ways, with secrets on the stack and in what is shown.
fn panic_as(role: &str) {
    let held = options();
    match role {
        "shown" => Err::<(), _>(held).unwrap(),
        "expected" => Err::<(), _>(held.key).expect("no secret"),
        "compared" => assert_eq!(format!("{held:?}"), "", "{held:#?}"),
        "source" => drop(format!("{:?}{held:?}", secret("file:key"))),
        "thread" => std::thread::spawn(move || Err::<(), _>(held).unwrap())
            .join()
            .unwrap(),
        "absent" => drop(
            "env:PANICS"
                .parse::<SecretRef>()
                .unwrap()
                .resolve(&Places)
                .unwrap(),
        ),
        other => unreachable!("{other}"),
    }
}

#[test]
fn a_panic_with_secrets_at_hand_tells_none_of_them() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the test tells itself apart from its child"
    )]
    if let Ok(role) = std::env::var(ROLE) {
        return panic_as(&role);
    }
    for (role, shows) in [
        ("shown", "SecretValue(..)"),
        ("expected", "no secret: Some(SecretValue(..))"),
        ("compared", "SecretRef(cmd:curl ..)"),
        ("source", "the source failed at"),
        ("thread", "SecretValue(..)"),
        ("absent", "env:PANICS"),
    ] {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_panic_with_secrets_at_hand_tells_none_of_them",
                "--nocapture",
            ])
            .env(ROLE, role)
            .env("RUST_BACKTRACE", "full")
            .output()
            .unwrap();
        let told = [child.stdout, child.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        assert!(!child.status.success(), "{role}: {told}");
        for words in ["panicked at", "stack backtrace", shows] {
            assert!(told.contains(words), "{role}: {words} in {told}");
        }
        assert!(!told.contains("qcanaryq"), "{role}: {told}");
    }
}
