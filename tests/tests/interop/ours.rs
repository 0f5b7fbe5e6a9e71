//! Our program and the real packages over the same files: what they wrote we read, and what we add they read.

use std::path::Path;

use latchwork_testkit::endpoint::{Endpoint, Gate, Reply};
use latchwork_testkit::peers::{Peers, Pi, PiVersion};
use latchwork_testkit::program::{Home, Invocation};
use latchwork_testkit::verify::Report;
use serde_json::{Value, json};

use crate::goldens::goldens_of;

fn run(home: &Home, endpoint: &Endpoint, talk: &Path, args: &[&str]) -> Invocation {
    let mut all = vec![
        "run",
        "--file",
        talk.to_str().expect("a path"),
        "--model",
        "openai/m",
    ];
    all.extend(args);
    home.latchwork(all).endpoint(endpoint)
}

fn inspected(home: &Home, talk: &Path) -> Value {
    let show = [
        "show",
        talk.to_str().expect("a path"),
        "--context",
        "--json",
    ];
    home.latchwork(show).run().expect_success().json()
}

fn reopened(pi: &mut Pi, talk: &Path) -> Value {
    pi.open(talk).expect("pi opens what we wrote");
    pi.inspect()
}

/// The last words of a context, by role.
fn ends_with(inspected: &Value, prompt: &str, reply: &str) {
    let messages = inspected["context"]["messages"]
        .as_array()
        .expect("messages");
    let last: Vec<String> = messages
        .iter()
        .rev()
        .take(2)
        .map(|message| message["content"].to_string())
        .collect();
    assert!(
        last[0].contains(reply) && last[1].contains(prompt),
        "{last:?}"
    );
}

#[test]
fn every_golden_session_reads_as_its_package_says_and_goes_on_in_our_hands_and_in_its_own() {
    for version in PiVersion::ALL {
        let mut pi = Peers::or_skip(|peers| peers.pi(version));
        let home = Home::new();
        let endpoint = Endpoint::start();
        endpoint.otherwise(|_| Reply::text("our reply"));
        for (path, expected) in goldens_of(version) {
            let talk = home.path(path.file_name().expect("a name"));
            std::fs::copy(&path, &talk).expect("a copy");
            let before = std::fs::read(&talk).expect("its bytes");
            assert_eq!(inspected(&home, &talk), expected, "{}", path.display());
            assert_eq!(
                std::fs::read(&talk).expect("its bytes"),
                before,
                "{}: showing changes nothing",
                path.display()
            );

            run(&home, &endpoint, &talk, &["our prompt"])
                .run()
                .expect_success();
            let after = std::fs::read(&talk).expect("its bytes");
            assert!(
                after.starts_with(&before),
                "{}: what was there is untouched",
                path.display()
            );
            let ours = inspected(&home, &talk);
            ends_with(&ours, "our prompt", "our reply");
            assert_eq!(
                (&ours["name"], &ours["labels"]),
                (&expected["name"], &expected["labels"]),
                "{}",
                path.display()
            );
            let Some(pi) = &mut pi else { continue };
            let theirs = reopened(pi, &talk);
            assert_eq!(theirs, ours, "{}: after our turn", path.display());
            let active = pi.active_path();
            let report = Report::read(&talk);
            let added = report
                .entries
                .iter()
                .rev()
                .take_while(|entry| entry["latchwork"].is_object());
            let added: Vec<&str> = added.filter_map(|entry| entry["id"].as_str()).collect();
            assert!(
                added.len() >= 2 && added.iter().all(|id| active.iter().any(|on| on == id)),
                "{}",
                path.display()
            );
        }
        if let Some(pi) = pi {
            pi.close();
        }
    }
}

#[test]
fn a_live_pi_that_renames_the_session_during_our_turn_hides_nothing() {
    for version in PiVersion::ALL {
        let Some(mut pi) = Peers::or_skip(|peers| peers.pi(version)) else {
            return;
        };
        let (home, endpoint) = (Home::new(), Endpoint::start());
        let talk = home.path("talk.jsonl");
        endpoint.push(Reply::text("hi"));
        run(&home, &endpoint, &talk, &["hello"])
            .run()
            .expect_success();
        pi.open(&talk).expect("pi opens it");
        let gate = Gate::new();
        endpoint.push(Reply::text("our reply").held(&gate));
        let turn = run(&home, &endpoint, &talk, &["our prompt"]).spawn();
        gate.wait_reached();
        pi.rename("renamed by pi");
        gate.open();
        turn.wait().expect_success();
        let ours = inspected(&home, &talk);
        ends_with(&ours, "our prompt", "our reply");
        assert_eq!(ours["name"], "renamed by pi");
        assert_eq!(reopened(&mut pi, &talk), ours, "pi {}", version.number());
        pi.close();
    }
}

#[test]
fn after_a_rewind_during_a_turn_pi_stays_where_the_user_went() {
    for version in PiVersion::ALL {
        let Some(mut pi) = Peers::or_skip(|peers| peers.pi(version)) else {
            return;
        };
        let (home, endpoint) = (Home::new(), Endpoint::start());
        let talk = home.path("talk.jsonl");
        endpoint.push(Reply::text("hi"));
        run(&home, &endpoint, &talk, &["hello"])
            .run()
            .expect_success();
        let to = Report::read(&talk)
            .active_path()
            .last()
            .expect("a leaf")
            .to_string();
        let gate = Gate::new();
        endpoint.push(Reply::text("old reply").held(&gate));
        let turn = run(&home, &endpoint, &talk, &["old prompt"]).spawn();
        gate.wait_reached();
        let path = talk.to_str().expect("a path");
        home.latchwork(["rewind", path, &to]).run().expect_success();
        let line = json!({ "role": "user", "content": "new prompt" });
        home.latchwork(["append", path])
            .stdin(format!("{line}\n"))
            .run()
            .expect_success();
        gate.open();
        turn.wait();
        let ours = inspected(&home, &talk);
        let context = ours["context"].to_string();
        assert!(
            context.contains("new prompt") && !context.contains("old "),
            "{context}"
        );
        assert_eq!(reopened(&mut pi, &talk), ours, "pi {}", version.number());
        assert!(
            std::fs::read_to_string(&talk)
                .expect("its text")
                .contains("old reply"),
            "it is kept"
        );
        pi.close();
    }
}

#[test]
fn a_message_that_waits_is_answered_once_though_a_pi_opened_the_session_before() {
    for version in PiVersion::ALL {
        let Some(mut pi) = Peers::or_skip(|peers| peers.pi(version)) else {
            return;
        };
        let (home, endpoint) = (Home::new(), Endpoint::start());
        let talk = home.path("talk.jsonl");
        let gate = Gate::new();
        endpoint.push(Reply::text("never sent").held(&gate));
        let turn = run(&home, &endpoint, &talk, &["remember me"]).spawn();
        gate.wait_reached();
        turn.kill();
        gate.open();
        pi.open(&talk)
            .expect("pi opens a session that is not there");
        pi.append(json!({ "role": "user", "content": "from pi", "timestamp": 1 }));
        pi.append(json!({ "role": "assistant", "content": [{ "type": "text", "text": "to pi" }], "api": "a", "provider": "p",
            "model": "m", "stopReason": "stop", "timestamp": 2,
            "usage": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 0,
                       "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0 } } }));
        endpoint.push(Reply::text("here you are"));
        run(&home, &endpoint, &talk, &[]).run().expect_success();
        let asked = endpoint
            .requests()
            .pop()
            .expect("a request")
            .texts_of("user");
        assert_eq!(asked, ["from pi", "remember me"], "pi {}", version.number());
        let report = Report::read(&talk);
        report.assert_settled();
        assert_eq!(report.count_user_text_anywhere("remember me"), 1);
        assert_eq!(
            reopened(&mut pi, &talk),
            inspected(&home, &talk),
            "pi {}",
            version.number()
        );
        pi.close();
    }
}

#[test]
fn a_message_that_waits_is_answered_once_though_openclaw_opened_the_session_before() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    let (home, endpoint) = (Home::new(), Endpoint::start());
    let talk = home.path("talk.jsonl");
    let gate = Gate::new();
    endpoint.push(Reply::text("never sent").held(&gate));
    let turn = run(&home, &endpoint, &talk, &["remember me"]).spawn();
    gate.wait_reached();
    turn.kill();
    gate.open();
    openclaw
        .open_for_run(&talk, "talk")
        .expect("OpenClaw opens it");
    openclaw.append(json!({ "role": "user", "content": "from OpenClaw", "timestamp": 1 }));
    openclaw.append(json!({ "role": "assistant", "content": [{ "type": "text", "text": "to OpenClaw" }], "api": "a",
        "provider": "p", "model": "m", "stopReason": "stop", "timestamp": 2,
        "usage": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 0,
                   "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0 } } }));
    openclaw.close();
    endpoint.push(Reply::text("here you are"));
    run(&home, &endpoint, &talk, &[]).run().expect_success();
    let asked = endpoint
        .requests()
        .pop()
        .expect("a request")
        .texts_of("user");
    assert_eq!(asked, ["from OpenClaw", "remember me"]);
    let report = Report::read(&talk);
    report.assert_settled();
    assert_eq!(report.count_user_text_anywhere("remember me"), 1);
}
