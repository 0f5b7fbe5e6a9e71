//! A fragment at the end, and a peer's line glued to it: looked at after each step of the repair, and killed there.

use std::io::Write as _;
use std::path::PathBuf;

use latchwork_testkit::endpoint::Reply;
use latchwork_testkit::steps::StepDir;
use serde_json::json;

use crate::bench::{Bench, with_steps};

const FRAGMENT: &[u8] = b"{\"type\":\"mess";
const LAST: &[u8] = b"{\"type\":\"custo";

/// A session with a peer's line glued to a fragment, and another fragment at the end.
struct Torn {
    bench: Bench,
    before: Vec<u8>,
    torn: Vec<u8>,
}

impl Torn {
    fn new() -> Self {
        let bench = Bench::begun();
        let before = std::fs::read(bench.talk()).unwrap();
        let leaf = bench.report().active_path().last().unwrap().to_string();
        let peer = json!({ "type": "label", "id": "0badcafe", "parentId": leaf,
            "timestamp": "2026-01-01T00:00:00.000Z", "targetId": leaf, "label": "rescued" });
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(bench.talk())
            .unwrap();
        file.write_all(FRAGMENT).unwrap();
        writeln!(file, "{peer}").unwrap();
        file.write_all(LAST).unwrap();
        let torn = std::fs::read(bench.talk()).unwrap();
        Self {
            bench,
            before,
            torn,
        }
    }

    fn quarantined(&self) -> Vec<Vec<u8>> {
        let dir: PathBuf = self.bench.sidecars().join("talk.quarantine");
        let files = std::fs::read_dir(dir).into_iter().flatten();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    /// Nothing was cut off; every byte is as it was, or a space whose original is in quarantine.
    fn nothing_is_lost(&self) {
        let now = std::fs::read(self.bench.talk()).unwrap();
        assert!(now.len() >= self.torn.len(), "never shorter");
        assert!(
            now.starts_with(&self.before),
            "what stood before is untouched"
        );
        let kept = self.quarantined();
        for fragment in [FRAGMENT, LAST] {
            let at = find(&self.torn, fragment, self.before.len());
            let there = &now[at..at + fragment.len()];
            let blanked = there.iter().all(|byte| *byte == b' ');
            assert!(
                there == fragment || blanked,
                "{:?}",
                String::from_utf8_lossy(there)
            );
            assert!(
                !blanked || kept.iter().any(|copy| copy == fragment),
                "no copy"
            );
        }
        let peer = find(&self.torn, b"{\"type\":\"label\"", 0);
        let end = self.torn.len() - LAST.len();
        assert_eq!(now[peer..end], self.torn[peer..end], "the peer's line");
    }
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> usize {
    let tail = &bytes[from..];
    from + tail
        .windows(what.len())
        .position(|window| window == what)
        .unwrap()
}

#[test]
fn a_repair_loses_no_byte_at_any_step_and_may_be_killed_at_each() {
    for step in ["tail:closed", "tail:quarantined", "tail:blanked"] {
        let torn = Torn::new();
        let steps = StepDir::new();
        steps.hold(step);
        let turn = with_steps(torn.bench.run(&["--key", "k", "go on"]), &steps).spawn();
        steps.wait_reached(step);
        torn.nothing_is_lost();
        turn.kill();

        torn.bench.endpoint.push(Reply::text("fine"));
        torn.bench.run(&[]).run().expect_success();
        torn.nothing_is_lost();
        let report = torn.bench.report();
        report.assert_settled();
        assert!(report.entry("0badcafe").is_some(), "{step}: rescued");
        assert_eq!(report.count_user_text_anywhere("go on"), 1, "{step}");
        let last = report.texts_on_path("assistant").pop();
        assert_eq!(last.as_deref(), Some("fine"), "{step}");
    }
}
