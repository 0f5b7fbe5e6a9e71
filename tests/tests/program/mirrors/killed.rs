//! Mirrors that are killed, at every named step and at any moment, and said again until all is there.

use std::time::Duration;

use latchwork_testkit::steps::{VARIABLE, kill_at};
use serde_json::json;

use super::{Stage, grow, meta, rollout, round};

#[test]
fn a_mirror_that_is_killed_at_any_step_goes_on_when_it_is_said_again() {
    let mut killed = 0;
    for step in 1.. {
        let stage = Stage::new();
        std::fs::write(stage.source(), rollout(2)).unwrap();
        let done = stage
            .mirror(&["--once", "r.jsonl"])
            .env(VARIABLE, kill_at(step))
            .run();
        let over = done.signal().is_none();
        killed += usize::from(!over);
        stage.once();
        stage.assert_whole(2, &format!("killed at step {step}"));
        if over {
            break;
        }
    }
    assert!(killed > 5, "{killed}");
}

#[test]
fn killed_at_random_moments_while_the_rollout_grows_and_another_writer_appends_each_message_stands_once()
 {
    const ROUNDS: usize = 12;
    let stage = Stage::new();
    std::fs::write(stage.source(), meta("r1")).unwrap();
    // The session was begun by somebody else, who goes on with it.
    let note = |n: usize| {
        let text = json!({ "type": "custom", "customType": "note", "data": n, "key": format!("note {n}") });
        let other = stage
            .home
            .latchwork(["append", "./into.jsonl"])
            .stdin(format!("{text}\n"));
        other.run().expect_success();
    };
    let mut random = 0x9E37_79B9_u32;
    let mut any = |below: u32| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random % below
    };
    let (mut killed, mut rest) = (0, (0..ROUNDS).map(round).collect::<String>());
    while !rest.is_empty() {
        let live = stage.mirror(&["--json", "r.jsonl"]).spawn();
        // Some pieces, cut anywhere.
        for _ in 0..1 + any(4) {
            let at = rest.len().min(1 + any(900) as usize);
            grow(&stage.source(), &rest[..at]);
            rest = rest.split_off(at);
            std::thread::sleep(Duration::from_millis(u64::from(any(60))));
        }
        note(killed);
        killed += usize::from(live.kill().signal().is_some());
    }
    stage.once();
    stage.assert_whole(ROUNDS, &format!("killed {killed} times"));
    assert!(killed > 3, "{killed}");
    let text = std::fs::read_to_string(stage.home.path("into.jsonl")).unwrap();
    assert_eq!(text.matches(r#""customType":"note""#).count(), killed);
    assert_eq!(stage.once()["written"], 0);
}
