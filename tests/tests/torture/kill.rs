//! SIGKILL at seeded moments of a turn with parallel tools and a second request: at its n-th step, or after a moment.
//!
//! After each kill the next run works on the same session; a session ages for some rounds before a new one begins. What
//! must be true then: the accepted message is there exactly once, every line reads, every parent exists, every call has an
//! outcome. What was not accepted before the kill may be missing.

use std::time::Duration;

use latchwork_testkit::endpoint::{Endpoint, Reply, Request, ToolCall};
use latchwork_testkit::program::{Home, Invocation};
use latchwork_testkit::steps::{VARIABLE, kill_at};
use latchwork_testkit::verify::Report;
use serde_json::{Value, json};

use crate::choice::{runs, seed};

/// How many rounds a session ages.
const AGE: u64 = 20;
/// A turn of this campaign reaches about so many steps.
const STEPS: u64 = 120;
/// And takes about so long, in microseconds.
const MOMENT_US_MAX: u64 = 60_000;

/// A seeded stream of numbers (splitmix64): small, and the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// First tools in parallel, then words.
fn answer(request: &Request) -> Reply {
    let last = request
        .messages()
        .last()
        .map_or("", |message| message["role"].as_str().unwrap_or(""));
    if last == "tool" {
        return Reply::text("all done").usage(10, 2);
    }
    let calls = [
        ToolCall::new("c1", "ls", &json!({ "path": "." })),
        ToolCall::new("c2", "bash", &json!({ "command": "echo x" })),
    ];
    Reply::text("looking ").tool_calls(&calls)
}

struct Session {
    home: Home,
    endpoint: Endpoint,
    sent: Vec<String>,
}

impl Session {
    fn new() -> Self {
        let endpoint = Endpoint::start();
        endpoint.otherwise(answer);
        Self {
            home: Home::new(),
            endpoint,
            sent: Vec::new(),
        }
    }

    fn run(&self, args: &[&str]) -> Invocation {
        let talk = self.home.path("talk.jsonl");
        let mut all = vec![
            "run",
            "--file",
            talk.to_str().unwrap(),
            "--model",
            "openai/m",
            "--tools",
            "ls,bash",
            "--wait",
            "60s",
        ];
        all.extend(args);
        self.home
            .latchwork(all)
            .endpoint(&self.endpoint)
            .env("LATCHWORK_SANDBOX", "off")
    }

    /// One kill and the run after it: when it was, in words, and whether the turn had not ended by then.
    fn round(&mut self, round: u64, numbers: &mut Numbers) -> (String, bool) {
        let text = format!("message {round}");
        let turn = self.run(&["--key", &text, "--json", &text]);
        let (moment, killed) = if numbers.below(3) > 0 {
            let step = u32::try_from(1 + numbers.below(STEPS)).unwrap();
            (
                format!("at step {step}"),
                turn.env(VARIABLE, kill_at(step)).run(),
            )
        } else {
            let after = Duration::from_micros(numbers.below(MOMENT_US_MAX));
            let live = turn.spawn();
            std::thread::sleep(after);
            (format!("after {} us", after.as_micros()), live.kill())
        };
        let accepted = killed
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let accepted = accepted
            .into_iter()
            .any(|event| event["type"] == "accepted");
        if accepted {
            self.sent.push(text);
        }
        let next = format!("after {round}");
        let again = self.run(&["--key", &next, &next]).run();
        assert_eq!(
            again.code(),
            Some(0),
            "the run after the kill {moment}: {again}"
        );
        self.sent.push(next);
        self.check(&moment);
        (moment, killed.code().is_none())
    }

    fn check(&self, moment: &str) {
        let report = Report::read(self.home.path("talk.jsonl"));
        assert!(
            report.problems.is_empty(),
            "killed {moment}: {:?}",
            report.problems
        );
        assert!(
            report.unpaired().is_empty(),
            "killed {moment}: {:?}",
            report.unpaired()
        );
        for sent in &self.sent {
            assert_eq!(
                report.count_user_text(sent),
                1,
                "killed {moment}: {sent:?} on the active path"
            );
        }
    }
}

#[test]
fn kill_anywhere_and_the_next_run_works_with_every_accepted_message_once() {
    let (seed, runs) = (seed(), runs(200));
    println!("kill: seed {seed}, {runs} runs");
    let mut numbers = Numbers(seed);
    let (mut session, mut kills) = (Session::new(), 0);
    for round in 0..runs {
        if round > 0 && round % AGE == 0 {
            session = Session::new();
        }
        let (moment, in_time) = session.round(round, &mut numbers);
        kills += u64::from(in_time);
        println!("kill {round}: {moment}");
    }
    // A handful of runs may all come too late; a campaign that seldom kills shows nothing.
    assert!(
        runs < 20 || kills * 3 > runs,
        "{kills} kills in {runs} runs: the turn has fewer steps than are drawn from"
    );
}

#[test]
fn kill_campaigns_would_notice_a_message_that_is_lost_or_said_twice() {
    let session = {
        let mut session = Session::new();
        session.run(&["--key", "a", "a"]).run().expect_success();
        session.sent.push("a".to_owned());
        session
    };
    session.check("never");
    let path = session.home.path("talk.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    let spoilt = [
        whole.replace("\"text\":\"a\"", "\"text\":\"b\""),
        whole
            .lines()
            .filter(|line| !line.contains("\"toolResult\""))
            .map(|line| format!("{line}\n"))
            .collect(),
        format!("{whole}{{\"type\":\"mess"),
    ];
    for text in spoilt {
        std::fs::write(&path, text).unwrap();
        let noticed =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| session.check("on purpose")));
        assert!(noticed.is_err(), "a violation must be noticed");
    }
}
