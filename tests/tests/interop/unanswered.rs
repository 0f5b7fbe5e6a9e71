//! A message that was accepted in a new session, and a run that was killed before any reply: whoever opens the session
//! then, the next run has the message once.

use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::peers::{OpenClaw, Peers};
use latchwork_testkit::program::Signal;

use crate::each::with_each_pi;
use crate::stage::{Stage, reply, said, user};

const OURS: &str = "do not lose me";

/// The message is accepted, the model is asked, and the run is killed.
fn killed_before_a_reply() -> Stage {
    let stage = Stage::empty();
    let gate = Gate::new();
    stage.endpoint.push(Reply::text("never said").held(&gate));
    let mut run = stage.run(OURS).spawn();
    run.event_where("the receipt", |event| event["type"] == "accepted");
    gate.wait_reached();
    run.signal(Signal::KILL);
    assert_eq!(run.wait().signal(), Some(9));
    stage
}

/// The next run says something more, and has the message once.
fn assert_the_next_run_has_it_once(stage: &Stage, users: &[&str]) {
    stage.endpoint.push(Reply::text("here I am"));
    stage.run("and me").run().expect_success();
    assert_it_stands_once(stage, users);
}

/// The model was shown the message once, and the transcript has it once.
fn assert_it_stands_once(stage: &Stage, users: &[&str]) {
    let asked = stage.endpoint.requests().pop().expect("a request");
    assert_eq!(asked.texts_of("user"), users);
    let report = stage.report();
    report.assert_settled();
    assert_eq!(report.count_user_text_anywhere(OURS), 1);
    assert_eq!(report.count_user_text(OURS), 1);
    assert_eq!(said(&stage.inspect(), "user"), users);
    assert_eq!(
        said(&stage.inspect(), "assistant")
            .last()
            .map(String::as_str),
        Some("here I am")
    );
    assert_eq!(stage.state()["waiting"], serde_json::json!([]));
}

#[test]
fn a_session_that_pi_only_looked_at_has_our_message_once() {
    with_each_pi(|pi, version| {
        let stage = killed_before_a_reply();
        pi.open(stage.file()).expect("it opens");
        // The next run has nothing to say of its own: it answers what waits.
        stage.endpoint.push(Reply::text("here I am"));
        stage.answer_what_waits().run().expect_success();
        assert_it_stands_once(&stage, &[OURS]);
        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), stage.inspect(), "{version:?}");
    });
}

#[test]
fn a_session_that_pi_began_its_own_conversation_in_has_our_message_once() {
    with_each_pi(|pi, version| {
        let stage = killed_before_a_reply();
        pi.open(stage.file()).expect("it opens");
        pi.append(user("pi was here"));
        pi.append(reply("indeed"));
        assert_the_next_run_has_it_once(&stage, &["pi was here", OURS, "and me"]);
        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), stage.inspect(), "{version:?}");
    });
}

#[test]
fn a_session_that_pi_said_one_thing_in_has_our_message_once() {
    with_each_pi(|pi, version| {
        let stage = killed_before_a_reply();
        pi.open(stage.file()).expect("it opens");
        pi.append(user("pi was here"));
        // One release writes that at once, the other keeps it to itself until there is a reply.
        let is_there = stage.file().exists();
        let users: &[&str] = if is_there {
            &["pi was here", OURS, "and me"]
        } else {
            &[OURS, "and me"]
        };
        assert_the_next_run_has_it_once(&stage, users);
        pi.open(stage.file()).expect("it opens");
        assert_eq!(pi.inspect(), stage.inspect(), "{version:?}");
    });
}

#[test]
fn a_session_that_openclaw_prepared_for_a_run_has_our_message_once() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    // It prepares a run, and nothing comes of it.
    let stage = killed_before_a_reply();
    prepare(&mut openclaw, &stage);
    assert_the_next_run_has_it_once(&stage, &[OURS, "and me"]);
    prepare(&mut openclaw, &stage);
    assert_eq!(openclaw.inspect(), stage.inspect());

    // Its run says something before ours comes.
    let stage = killed_before_a_reply();
    prepare(&mut openclaw, &stage);
    openclaw.append(user("OpenClaw was here"));
    openclaw.append(reply("indeed"));
    assert_the_next_run_has_it_once(&stage, &["OpenClaw was here", OURS, "and me"]);
    prepare(&mut openclaw, &stage);
    assert_eq!(openclaw.inspect(), stage.inspect());
    openclaw.close();
}

fn prepare(openclaw: &mut OpenClaw, stage: &Stage) {
    let prepared = openclaw.open_for_run(stage.file(), "talk");
    prepared.expect("OpenClaw prepares a run");
}
