//! A pi that has the session open while we run a turn on it: it takes no lock, and it believes what it read.

use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::peers::PiVersion;
use latchwork_testkit::program::Live;

use crate::each::with_each_pi;
use crate::stage::{Stage, ended, reply, said, user};

/// A turn of ours that waits for its model.
fn under_way(stage: &Stage, prompt: &str, answer: &str) -> (Live, Gate) {
    let gate = Gate::new();
    stage.endpoint.push(Reply::text(answer).held(&gate));
    let turn = stage.run(prompt).spawn();
    gate.wait_reached();
    (turn, gate)
}

#[test]
fn a_name_that_a_stale_pi_gives_during_our_turn_takes_nothing_from_the_context() {
    with_each_pi(|pi, version| {
        let stage = Stage::begun();
        pi.open(stage.file()).expect("it opens");
        let (turn, gate) = under_way(&stage, "what now?", "this");
        let name = pi.rename("a late name");
        assert_eq!(
            stage.report().entry(&name).expect("its entry")["parentId"],
            pi.active_path()[pi.active_path().len() - 2].as_str(),
            "pi's leaf is stale, or this test tests nothing"
        );
        gate.open();
        let events = turn.wait().expect_success().json_lines();
        assert_eq!(ended(&events)["end"]["how"], "completed");

        stage.report().assert_settled();
        let ours = stage.inspect();
        assert_eq!(said(&ours, "user"), ["hello", "what now?"]);
        assert_eq!(said(&ours, "assistant"), ["hi", "this"]);
        assert_eq!(ours["name"], "a late name");
        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), ours, "{version:?}");
        let on_path = pi.active_path();
        for id in ended(&events)["entries"].as_array().expect("entries") {
            assert!(
                on_path.iter().any(|on_path| id == on_path),
                "{id} in {on_path:?}"
            );
        }
    });
}

#[test]
fn what_a_stale_pi_says_during_our_turn_is_kept_on_its_branch_and_reported() {
    with_each_pi(|pi, version| {
        let stage = Stage::begun();
        let fork = pi.open(stage.file()).expect("it opens").expect("a leaf");
        let (turn, gate) = under_way(&stage, "what now?", "this");
        let theirs = pi.append(user("said in pi"));
        gate.open();
        let events = turn.wait().expect_success().json_lines();
        assert_eq!(ended(&events)["end"]["how"], "completed");
        assert_our_turn_is_active_and_theirs_kept(&stage, &fork, &theirs);

        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), stage.inspect(), "{version:?}");
        assert!(pi.entries().iter().any(|entry| entry["id"] == *theirs));
        assert!(!pi.active_path().contains(&theirs));
    });
}

#[test]
fn what_a_pi_says_below_our_message_during_our_turn_makes_the_turn_diverge_and_is_reported() {
    with_each_pi(|pi, version| {
        let stage = Stage::begun();
        let (turn, gate) = under_way(&stage, "what now?", "this");
        // Opened now, it stands where our message is.
        let fork = pi.open(stage.file()).expect("it opens").expect("a leaf");
        let theirs = pi.append(user("said in pi"));
        gate.open();
        let events = turn.wait().expect_success().json_lines();
        assert_eq!(ended(&events)["end"]["how"], "completed");
        assert_eq!(ended(&events)["outcome"], "diverged");
        assert_our_turn_is_active_and_theirs_kept(&stage, &fork, &theirs);

        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), stage.inspect(), "{version:?}");
        assert!(!pi.active_path().contains(&theirs));

        // It can be attached again.
        stage.rewind(&theirs);
        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), stage.inspect(), "{version:?}");
        assert_eq!(
            said(&pi.inspect(), "user"),
            ["hello", "what now?", "said in pi"]
        );
    });
}

fn assert_our_turn_is_active_and_theirs_kept(stage: &Stage, fork: &str, theirs: &str) {
    let report = stage.report();
    report.assert_settled();
    let entry = report.entry(theirs).expect("pi's line is kept");
    assert_eq!(entry["message"]["content"], "said in pi");
    assert_eq!(entry["parentId"], fork);
    let ours = stage.inspect();
    assert_eq!(said(&ours, "user"), ["hello", "what now?"]);
    assert_eq!(said(&ours, "assistant"), ["hi", "this"]);
    let divergent = &stage.state()["divergent"];
    assert_eq!(divergent.as_array().map(Vec::len), Some(1), "{divergent}");
    assert_eq!(divergent[0]["from"], fork);
    assert_eq!(divergent[0]["leafId"], theirs);
    assert_eq!(divergent[0]["entries"], 1);
}

#[test]
fn a_pi_that_goes_on_below_its_stale_leaf_after_our_turn_is_brought_back_by_our_next_one() {
    with_each_pi(|pi, version| {
        let stage = Stage::begun();
        pi.open(stage.file()).expect("it opens");
        let (turn, gate) = under_way(&stage, "what now?", "this");
        pi.append(user("said in pi"));
        gate.open();
        turn.wait().expect_success();
        // Its own conversation goes on, in ignorance of ours.
        pi.append(reply("answered in pi"));
        assert_eq!(said(&stage.inspect(), "assistant"), ["hi", "this"]);

        stage.endpoint.push(Reply::text("that"));
        stage.run("and then?").run().expect_success();
        let ours = stage.inspect();
        assert_eq!(said(&ours, "user"), ["hello", "what now?", "and then?"]);
        assert_eq!(said(&ours, "assistant"), ["hi", "this", "that"]);
        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), ours, "{version:?}");
        assert_eq!(stage.state()["divergent"][0]["entries"], 2);
    });
}

#[test]
fn after_a_rewind_during_our_turn_pi_too_stands_where_the_user_went() {
    with_each_pi(|pi, version| {
        let stage = Stage::begun();
        let back_to = stage.state()["leafId"].clone();
        let back_to = back_to.as_str().expect("a leaf");
        stage.endpoint.push(Reply::text("about ants"));
        stage.run("tell me about ants").run().expect_success();
        let (turn, gate) = under_way(&stage, "more", "the old reply");
        stage.rewind(back_to);
        let receipts = stage.append(&[user("tell me about bees")]).run();
        let receipt = &receipts.expect_success().json_lines()[0];
        assert_eq!(receipt["state"], "placed", "{receipt}");
        gate.open();
        let events = turn.wait().json_lines();
        assert_eq!(ended(&events)["outcome"], "aside");
        assert_eq!(ended(&events)["end"]["how"], "replaced");

        let ours = stage.inspect();
        assert_eq!(said(&ours, "user"), ["hello", "tell me about bees"]);
        assert_eq!(said(&ours, "assistant"), ["hi"]);
        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), ours, "{version:?}");
        let path = pi.active_path();
        assert!(path.iter().any(|id| receipt["id"] == *id), "{path:?}");
        let entries = pi.entries();
        let old = entries
            .iter()
            .find(|entry| entry["message"]["content"][0]["text"] == "the old reply")
            .expect("the old reply is kept");
        assert!(!path.iter().any(|id| old["id"] == *id), "{path:?}");

        // The new message is answered where it stands, for pi too.
        stage.endpoint.push(Reply::text("about bees"));
        stage.run("in short").run().expect_success();
        let asked = stage.endpoint.requests().pop().expect("a request");
        assert_eq!(
            asked.texts_of("user"),
            ["hello", "tell me about bees", "in short"]
        );
        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), stage.inspect(), "{version:?}");
    });
}

/// Both found no file. One release then writes a second header into ours, the other refuses.
#[test]
fn a_pi_that_begins_the_same_session_after_us_takes_nothing_from_it() {
    with_each_pi(|pi, version| {
        let stage = Stage::empty();
        pi.open(stage.file()).expect("it opens");
        stage.endpoint.push(Reply::text("hi"));
        stage.run("hello").run().expect_success();
        let ours = std::fs::read(stage.file()).expect("the session");
        pi.append(user("said in pi"));
        let theirs = pi.try_append(reply("answered in pi"));
        assert_eq!(theirs.is_ok(), version == PiVersion::V0_75_1, "{theirs:?}");
        let both = std::fs::read(stage.file()).expect("the session");
        assert!(both.starts_with(&ours));
        assert_eq!(said(&stage.inspect(), "user"), ["hello"]);

        stage.endpoint.push(Reply::text("here"));
        stage.run("still there?").run().expect_success();
        let after = std::fs::read(stage.file()).expect("the session");
        assert!(after.starts_with(&both));
        let seen = stage.inspect();
        assert_eq!(said(&seen, "user"), ["hello", "still there?"]);
        assert_eq!(said(&seen, "assistant"), ["hi", "here"]);
        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), seen, "{version:?}");
        let divergent = &stage.state()["divergent"];
        let branches = divergent.as_array().expect("a list");
        assert_eq!(branches.len(), usize::from(theirs.is_ok()), "{divergent}");
        if let Ok(theirs) = theirs {
            assert_eq!(divergent[0]["leafId"], theirs.as_str());
        }
    });
}
