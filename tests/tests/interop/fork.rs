//! A session that `latchwork fork` made, read and gone on with by the real peers: they see what we see, and who the parent is.

use std::path::Path;

use latchwork_testkit::endpoint::Reply;
use latchwork_testkit::peers::{Peers, Pi, PiVersion};
use serde_json::Value;

use crate::corpus::{Recorded, goldens_of};
use crate::each::{with_each_pi, with_pi};
use crate::stage::{Stage, reply, said, user};

/// A session with what a fork has to deal with: a name, a label with children below it, and another branch.
fn lived_in(pi: &mut Pi) -> Stage {
    let stage = Stage::begun();
    let hi = stage.state()["leafId"].as_str().expect("a leaf").to_owned();
    pi.open(stage.file()).expect("it opens");
    pi.rename("about bees");
    pi.label(&hi, Some("greeted")).expect("it is labelled");
    stage.endpoint.push(Reply::text("ants crawl"));
    stage.run("ants?").run().expect_success();
    stage.rewind(&hi);
    stage.endpoint.push(Reply::text("bees fly"));
    stage.run("bees?").run().expect_success();
    stage
}

#[test]
fn pi_reads_our_fork_as_we_do_goes_on_in_it_and_we_go_on_after_it() {
    with_each_pi(|pi, version| {
        let source = lived_in(pi);
        let before = std::fs::read(source.file()).expect("the session");
        for to in ["apart.jsonl", "apart"] {
            let (fork, made) = source.fork(to);
            let both = |pi: &mut Pi| {
                let bytes = std::fs::read(fork.file()).expect("the fork");
                pi.open(fork.file()).expect("pi opens our fork");
                let after = std::fs::read(fork.file()).expect("the fork");
                assert_eq!(after, bytes, "it has nothing to migrate");
                let seen = pi.inspect();
                assert_eq!(seen, fork.inspect(), "{version:?} {to}");
                seen
            };
            let seen = both(pi);
            assert_eq!(said(&seen, "user"), ["hello", "bees?"]);
            assert_eq!(said(&seen, "assistant"), ["hi", "bees fly"]);
            assert_eq!(seen["context"], source.inspect()["context"]);
            assert_is_a_child_of(pi, &source, &fork, &made);

            let theirs = pi.append(user("in pi"));
            pi.append(reply("heard in pi"));
            assert_eq!(pi.inspect(), fork.inspect(), "{version:?} {to}");
            let entry = fork.report().entry(&theirs).cloned();
            assert_eq!(entry.expect("its line")["parentId"], seen["leafId"]);

            fork.endpoint.push(Reply::text("heard by us"));
            fork.run("by us").run().expect_success();
            let asked = fork.endpoint.requests().pop().expect("a request");
            let all = ["hello", "bees?", "in pi", "by us"];
            assert_eq!(asked.texts_of("user"), all);
            let seen = both(pi);
            assert_eq!(said(&seen, "user"), all);
            assert_eq!(
                said(&seen, "assistant"),
                ["hi", "bees fly", "heard in pi", "heard by us"]
            );
            fork.report().assert_settled();
        }
        let after = std::fs::read(source.file()).expect("the session");
        assert_eq!(after, before, "the source is only read");
    });
}

/// The header is what pi writes into its own, and pi's picker shows the fork below its source.
fn assert_is_a_child_of(pi: &mut Pi, source: &Stage, fork: &Stage, made: &Value) {
    let header = pi.header();
    let source_path = source.file().to_str().expect("a path");
    assert_eq!(header["parentSession"], source_path, "{header}");
    assert!(
        Path::new(source_path).is_absolute(),
        "or this tests nothing"
    );
    assert_eq!(header["id"], made["session"]);
    assert_eq!(
        (&header["type"], &header["version"]),
        (&"session".into(), &3.into())
    );
    let cwd = header["cwd"].as_str().expect("its folder");
    let dir = fork.file().parent().expect("a folder");
    let listed = pi.list(dir, cwd);
    let ours = listed
        .iter()
        .find(|one| one["path"] == fork.file().to_str().expect("a path"));
    let ours = ours.unwrap_or_else(|| panic!("pi lists our fork: {listed:?}"));
    assert_eq!(ours["id"], made["session"]);
    assert_eq!(ours["parentSessionPath"], source_path);
    assert_eq!(ours["messageCount"], 4, "{ours}");
    assert_eq!(ours["firstMessage"], "hello", "{ours}");

    // The same fields as in the header of a fork of pi's own.
    pi.open(source.file()).expect("it opens");
    let leaf = pi.active_path().pop().expect("a leaf");
    pi.fork(&leaf).expect("it forks");
    assert_eq!(names_of(&header), names_of(&pi.header()));
    pi.open(fork.file()).expect("it opens");
}

fn names_of(object: &Value) -> Vec<&String> {
    let mut names: Vec<_> = object.as_object().expect("an object").keys().collect();
    names.sort();
    names
}

#[test]
fn our_fork_of_every_golden_session_shows_pi_what_a_fork_of_its_own_does() {
    with_pi(PiVersion::V0_87_1, |pi| {
        let goldens = goldens_of(PiVersion::V0_87_1);
        let forked = goldens.iter().filter(|golden| fork_both_ways(pi, golden));
        assert!(forked.count() >= 15, "most of them have an answer");
    });
}

/// False where nothing was answered on the active branch, so that there is nothing to fork.
fn fork_both_ways(pi: &mut Pi, golden: &Recorded) -> bool {
    let name = golden.name();
    let source = Stage::with_file("session.jsonl", &golden.bytes());
    pi.open(source.file()).expect("it opens");
    let path = pi.active_path();
    let entries = pi.entries();
    let answered = entries.iter().any(|entry| {
        entry["message"]["role"] == "assistant" && path.iter().any(|id| entry["id"] == **id)
    });
    if !answered {
        let to = source.home.path("fork.jsonl");
        let args = [
            "fork",
            source.file().to_str().expect("a path"),
            to.to_str().expect("a path"),
        ];
        let refused = source.home.latchwork(args).run().expect_refusal();
        assert!(
            refused.stderr.contains("nothing has been answered"),
            "{name}: {refused}"
        );
        assert!(!to.exists(), "{name}");
        return false;
    }
    pi.fork(path.last().expect("a leaf")).expect("it forks");
    let theirs = comparable(&pi.inspect());
    let (fork, _) = source.fork("fork.jsonl");
    pi.open(fork.file()).expect("pi opens our fork");
    assert_eq!(comparable(&pi.inspect()), theirs, "{name}");
    assert_eq!(pi.inspect(), fork.inspect(), "{name}");
    true
}

/// Without the leaf: where labels end the file, pi gives them ids of its own.
fn comparable(inspection: &Value) -> Value {
    let mut inspection = inspection.clone();
    let fields = inspection.as_object_mut().expect("an object");
    fields.shift_remove("leafId");
    inspection
}

#[test]
fn openclaw_runs_on_our_fork_as_we_see_it_and_we_go_on_after_it() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    let source = Stage::begun();
    let (fork, made) = source.fork("apart.jsonl");
    let before = std::fs::read(fork.file()).expect("the fork");
    let session = made["session"].as_str().expect("an id");
    openclaw
        .open_for_run(fork.file(), session)
        .expect("it opens our fork");
    let after = std::fs::read(fork.file()).expect("the fork");
    assert_eq!(after, before, "it had nothing to repair");
    assert_eq!(openclaw.inspect(), fork.inspect());
    openclaw.append(user("in openclaw"));
    openclaw.append(reply("heard in openclaw"));
    assert_eq!(openclaw.inspect(), fork.inspect());

    fork.endpoint.push(Reply::text("heard by us"));
    fork.run("by us").run().expect_success();
    assert_eq!(
        said(&fork.inspect(), "user"),
        ["hello", "in openclaw", "by us"]
    );
    openclaw.open_for_run(fork.file(), session).expect("again");
    assert_eq!(openclaw.inspect(), fork.inspect());
    fork.report().assert_settled();
    openclaw.close();
}
