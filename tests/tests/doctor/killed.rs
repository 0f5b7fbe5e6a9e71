//! A repair that is killed at each of its steps in turn: nothing is lost, and the next one goes on.

use std::path::Path;
use std::process::Command;

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::steps::{StepDir, VARIABLE};

use crate::bench::{Bench, contents, dead_payload, entry, set_mode, temporary};

/// More steps than a repair has.
const STEPS_MAX: u32 = 400;
/// What it is killed at, among others.
const SURELY_AT: [&str; 2] = ["leftovers:removed", "aside:moved"];
const SAVED_HEAD: &str = r#"{"leaf":"nobody","at":7,"witness":7}"#;
const HEAD_OF_THE_GONE: &str = r#"{"leaf":"a","at":1,"witness":1}"#;

fn fragment() -> String {
    entry("b", Some("a"))[..40].to_owned()
}

/// Something of each sort that can be repaired.
fn plant(bench: &Bench) {
    bench.transcript("cut", &fragment());
    bench.put("cut.jsonl.lock", dead_payload());
    bench.put(".latchwork/cut.head", SAVED_HEAD);
    set_mode(&bench.path("cut.jsonl"), 0o644);
    for name in ["gone.latch", "gone.claim.4", "gone.claim.5"] {
        bench.put(format!(".latchwork/{name}"), "note");
    }
    bench.put(".latchwork/gone.head", HEAD_OF_THE_GONE);
    bench.put(temporary(1), "half a transcript");
    bench.put(format!(".latchwork/{}", temporary(2)), "");
}

/// Every byte that was there is somewhere, and what is whole stands where it stood.
#[track_caller]
fn nothing_is_lost(at: u32, dir: &Path, main: &[u8], cut: &[u8]) {
    let all = contents(dir);
    for kept in [SAVED_HEAD, HEAD_OF_THE_GONE, "half a transcript"] {
        let copies = all
            .iter()
            .filter(|content| *content == kept.as_bytes())
            .count();
        assert_eq!(copies, 1, "killed at step {at}: {kept}");
    }
    assert_eq!(std::fs::read(dir.join("main.jsonl")).unwrap(), main, "{at}");
    let now = std::fs::read(dir.join("cut.jsonl")).unwrap();
    let whole = cut.len() - fragment().len();
    assert_eq!(now[..whole], cut[..whole], "{at}");
    let in_place = now.get(whole..cut.len()) == Some(fragment().as_bytes());
    assert!(
        in_place || all.iter().any(|content| content == fragment().as_bytes()),
        "{at}"
    );
}

#[test]
fn a_repair_that_is_killed_at_any_step_loses_nothing_and_the_next_one_ends_it() {
    let stage = Bench::healthy();
    plant(&stage);
    let [main, cut] =
        ["main.jsonl", "cut.jsonl"].map(|name| std::fs::read(stage.path(name)).unwrap());
    for step in 1..STEPS_MAX {
        let bench = Bench::healthy();
        let copied = Command::new("sh")
            .args(["-c", "rm -rf \"$2\" && cp -a \"$1\" \"$2\"", "sh"])
            .args([stage.sessions(), bench.sessions()])
            .status();
        assert!(copied.unwrap().success());
        let steps = StepDir::new();
        let kill = steps.value_with_kill_at(step);
        let killed = bench.doctor(&["--fix"]).env(VARIABLE, kill).run();
        nothing_is_lost(step, &bench.sessions(), &main, &cut);
        if killed.signal().is_none() {
            assert_eq!(killed.code(), Some(0), "{killed}");
            let reached: Vec<String> = steps.traces().into_values().flatten().collect();
            for name in SURELY_AT {
                assert!(
                    reached.iter().any(|step| step == name),
                    "{name}: {reached:?}"
                );
            }
            assert!(step > 20, "a repair has more steps than {step}");
            return;
        }
        // What stands in for the killed one before peers may live for a moment longer.
        eventually("a repair that ends", || {
            (bench.findings(&["--fix"]).code == Some(0)).then_some(())
        });
        nothing_is_lost(step, &bench.sessions(), &main, &cut);
        let after = bench.findings(&["--deep"]);
        assert_eq!(
            (after.code, after.wrong()),
            (Some(0), vec![]),
            "{step} {after:#?}"
        );
    }
    panic!("the repair never ended");
}
