//! A standing request for a turn is shown by `show` and `unlock`: who asks, why, since when, until when. A look disturbs it not.

use std::path::PathBuf;

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::program::{Finished, Live};
use serde_json::{Value, json};

use crate::bench::Bench;

const REASON: &str = "I moved\u{1b}[2J\nturn: free";

/// A turn that waits for its model, and another process that asks for it with a grace longer than any test.
struct Asked {
    bench: Bench,
    gate: Gate,
    holder: Live,
    asker: Live,
}

impl Asked {
    fn begun() -> Self {
        let bench = Bench::begun();
        let gate = Gate::new();
        bench.endpoint.push(Reply::text("first answer").held(&gate));
        bench.endpoint.push(Reply::text("second answer"));
        let holder = bench.run(&["first"]).spawn();
        gate.wait_reached();
        let args = [
            "--hand-over",
            REASON,
            "--grace",
            "90min",
            "--json",
            "second",
        ];
        let asker = bench.run(&args).spawn();
        let asked = Self {
            bench,
            gate,
            holder,
            asker,
        };
        eventually("its request", || asked.request().exists().then_some(()));
        asked
    }

    fn request(&self) -> PathBuf {
        self.bench.sidecars().join("talk.claim.2.ask")
    }

    fn latchwork(&self, command: &str, flags: &[&str]) -> Finished {
        let talk = self.bench.talk();
        let mut args = vec![command, talk.to_str().unwrap()];
        args.extend(flags);
        self.bench.home.latchwork(args).run()
    }

    fn unlock(&self) -> Value {
        self.latchwork("unlock", &["--json"]).expect_code(75).json()
    }

    /// Lets both turns end.
    fn let_go(self) -> Bench {
        self.gate.open();
        self.holder.wait();
        self.asker.wait().expect_success();
        self.bench
    }
}

fn millis(moment: &Value) -> i64 {
    let moment: jiff::Timestamp = moment.as_str().unwrap().parse().unwrap();
    moment.as_millisecond()
}

#[test]
fn a_standing_request_is_shown_with_who_why_since_and_until_when_and_goes_on_standing() {
    let asked = Asked::begun();
    let shown = asked.bench.shown(&[])["asked"].clone();
    let unlock = asked.unlock();
    assert_eq!(unlock["claim"]["holder"]["pid"], asked.holder.pid());
    for told in [&shown, &unlock["asked"]] {
        assert_eq!(told["by"]["pid"], asked.asker.pid(), "{told}");
        assert_eq!(told["reason"], REASON);
        assert_eq!(told["graceMs"], 5_400_000);
        assert_eq!(told["damaged"], false);
        assert!(told["turn"].is_string() && told["since"] == told["by"]["since"]);
        let grace = millis(&told["graceEnds"]) - millis(&told["since"]);
        assert_eq!(grace, 5_400_000, "{told}");
    }
    let who = format!("asked for by process {}", asked.asker.pid());
    for told in [
        asked.latchwork("show", &[]).expect_success(),
        asked.latchwork("unlock", &[]).expect_code(75),
    ] {
        let line = told.stdout.lines().find(|line| line.contains(&who));
        let line = line.unwrap_or_else(|| panic!("{told}"));
        for word in ["I moved", "; its grace ends 20", ", since 20"] {
            assert!(line.contains(word), "{word}: {told}");
        }
        assert!(!told.stdout.contains('\u{1b}'), "{told}");
        let is_forged = |line: &str| line.starts_with("turn: free");
        assert!(!told.stdout.lines().any(is_forged), "{told}");
    }
    assert!(asked.request().exists(), "a look takes nothing away");

    // When it is met it is not told any more.
    assert!(asked.let_go().shown(&[])["asked"].is_null());
}

#[test]
fn a_damaged_request_is_shown_as_such_with_who_has_locked_it_and_is_no_error() {
    let asked = Asked::begun();
    let whole = std::fs::read(asked.request()).unwrap();
    for damage in [
        &b""[..],
        b"{\"epoch\":2,\"rea",
        b"\xff\xfe\0",
        b"{}",
        b"[2]\n",
    ] {
        // In the same file, which stays locked.
        std::fs::write(asked.request(), damage).unwrap();
        let shown = asked.bench.shown(&[])["asked"].clone();
        for told in [&shown, &asked.unlock()["asked"]] {
            assert_eq!(told["damaged"], true, "{damage:?}: {told}");
            assert_eq!(told["reason"], json!(null));
            assert_eq!(told["by"]["pid"], asked.asker.pid(), "{told}");
        }
        let told = asked.latchwork("show", &[]).expect_success();
        assert!(told.stdout.contains("its request is damaged"), "{told}");
        let told = asked.latchwork("unlock", &[]).expect_code(75);
        assert!(told.stdout.contains("its request is damaged"), "{told}");
    }
    std::fs::write(asked.request(), whole).unwrap();
    assert_eq!(asked.unlock()["asked"]["reason"], REASON);
    asked.let_go();
}

#[test]
fn a_request_whose_asker_was_killed_is_not_shown_and_not_taken_away() {
    let asked = Asked::begun();
    let request = asked.request();
    let Asked {
        bench,
        gate,
        holder,
        asker,
    } = asked;
    asker.kill();
    assert!(bench.shown(&[])["asked"].is_null());
    let talk = bench.talk();
    let args = ["unlock", talk.to_str().unwrap(), "--json"];
    let told = bench.home.latchwork(args).run().expect_code(75).json();
    assert!(told["asked"].is_null(), "{told}");
    assert!(request.exists(), "looking is not cleaning");
    gate.open();
    holder.wait().expect_success();
}
