//! A peer and we take turns on one file, for long: after each turn both sides build the same context of it.
//!
//! What each turn does is drawn from a seed: an exchange, a name, a label, a rewind; the peer opens the file anew, or goes on as it
//! stands where nobody else has written since.

use latchwork_testkit::peers::{Peers, Pi, PiVersion};
use serde_json::{Value, json};

use crate::each::with_pi;
use crate::stage::{Stage, reply, said, user};

/// How many turns are taken with each release of pi: every second one is ours.
const TURNS: usize = 500;
/// How often OpenClaw appends between two appends of ours.
const APPENDS: usize = 200;
const SEED: u64 = 0x5eed;

/// xorshift64*: the same numbers from the same seed, and no more than that.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).expect("31 bits") % end
    }
}

fn of_ours(stage: &Stage, draw: &mut Draw, turn: usize) {
    match draw.below(8) {
        0 => {
            let name = json!({"type": "session_info", "name": format!("named in turn {turn}")});
            stage.append(&[name]).run().expect_success();
        }
        1 => {
            // Back to one of the last entries of the active branch; nothing is removed.
            let path = stage.inspect()["leafId"].clone();
            let ids = stage.ids();
            let near = ids.len().saturating_sub(1 + draw.below(6.min(ids.len())));
            stage.rewind(if draw.below(2) == 0 {
                &ids[near]
            } else {
                path.as_str().expect("a leaf")
            });
        }
        _ => {
            let lines = [
                user(&format!("ours {turn}")),
                reply(&format!("answer {turn}")),
            ];
            stage.append(&lines).run().expect_success();
        }
    }
}

/// What pi does; whether both see the same at once. A pi that leaves the active branch in its memory alone is taken for one
/// that is behind: it stands on the branch that it left when we have written next.
fn of_pis(pi: &mut Pi, draw: &mut Draw, turn: usize) -> bool {
    let mut left = false;
    match draw.below(8) {
        0 => drop(pi.rename(&format!("renamed in turn {turn}"))),
        1 => {
            let path = pi.active_path();
            let at = path[draw.below(path.len())].clone();
            pi.label(&at, Some(&format!("label {turn}")))
                .expect("it is there");
        }
        2 => {
            let path = pi.active_path();
            let back = draw.below(3.min(path.len()));
            left = back > 0;
            let back = path[path.len() - 1 - back].clone();
            pi.branch(Some(&back)).expect("it is there");
            pi.append(user(&format!("theirs, instead {turn}")));
            pi.append(reply(&format!("their other answer {turn}")));
        }
        _ => {
            pi.append(user(&format!("theirs {turn}")));
            pi.append(reply(&format!("their answer {turn}")));
        }
    }
    !left
}

fn in_turns(version: PiVersion) {
    with_pi(version, |pi| {
        let stage = Stage::begun();
        let mut draw = Draw(SEED);
        for turn in 0..TURNS {
            let before = std::fs::read(stage.file()).expect("the session");
            let agreed = if turn % 2 == 0 {
                of_ours(&stage, &mut draw, turn);
                true
            } else {
                of_pis(pi, &mut draw, turn)
            };
            let after = std::fs::read(stage.file()).expect("the session");
            assert!(
                after.starts_with(&before),
                "turn {turn} changed what was there"
            );
            pi.open(stage.file()).expect("it opens");
            if agreed {
                let (ours, theirs) = (stage.inspect(), pi.inspect());
                assert_eq!(ours, theirs, "{version:?}, turn {turn}, seed {SEED:#x}");
            }
        }
    });
}

#[test]
fn in_500_turns_with_pi_0_75_1_both_build_the_same_context_after_each() {
    in_turns(PiVersion::V0_75_1);
}

#[test]
fn in_500_turns_with_pi_0_87_1_both_build_the_same_context_after_each() {
    in_turns(PiVersion::V0_87_1);
}

#[test]
fn openclaw_appends_200_times_between_ours_and_nothing_is_lost_or_doubled() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    let stage = Stage::begun();
    let (mut users, mut replies) = (vec!["hello".to_owned()], vec!["hi".to_owned()]);
    for number in 0..APPENDS {
        let theirs = format!("theirs {number}");
        openclaw
            .append_to_file(stage.file(), &reply(&theirs))
            .expect("it appends");
        replies.push(theirs);
        let ours = format!("ours {number}");
        stage
            .append(&[user(&ours), reply(&ours)])
            .run()
            .expect_success();
        users.push(ours.clone());
        replies.push(ours);
    }
    let seen: Value = stage.inspect();
    assert_eq!(said(&seen, "user"), users);
    assert_eq!(said(&seen, "assistant"), replies);
    stage.report().assert_settled();
    openclaw
        .open_for_run(stage.file(), "talk")
        .expect("it opens");
    assert_eq!(openclaw.inspect()["context"], seen["context"]);
    openclaw.close();
}
