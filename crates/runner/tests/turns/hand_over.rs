//! Turns that are asked for while they run: they end at their next boundary, and nothing that was said or sent is lost.

use std::sync::Arc;
use std::time::Duration;

use latchwork_runner::{OnClaimed, TurnEnd, TurnError, TurnReport};
use latchwork_session::ModelError;

use crate::script::{Beat, Plain, meanwhile};
use crate::world::World;

/// Longer than any test is allowed to take.
const LONG: Duration = Duration::from_secs(3_600);

/// Another process asks for the turn, and waits for it in a task of its own; done when its request stands.
async fn asks(other: &World, key: &'static str, grace: Duration) -> Next {
    let mut ask = other.ask(Some((key, "mine first")));
    ask.on_claimed = Some(OnClaimed::HandOver {
        reason: "I moved to the laptop".into(),
        grace: Some(grace),
    });
    let asking = other.clone();
    let turn = tokio::spawn(async move { asking.run(ask).await });
    while !turn.is_finished() && !request_stands(other) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    turn
}

type Next = tokio::task::JoinHandle<Result<TurnReport, TurnError>>;

fn request_stands(world: &World) -> bool {
    let sidecars = world.dir.path().join("sessions/.latchwork");
    let names = std::fs::read_dir(sidecars).unwrap();
    names
        .into_iter()
        .any(|name| name.unwrap().path().extension().is_some_and(|e| e == "ask"))
}

/// The beat in which the other asks, and a way to its turn.
fn is_asked_by(other: &World, key: &'static str) -> (Beat, tokio::sync::oneshot::Receiver<Next>) {
    let (tell, told) = tokio::sync::oneshot::channel();
    let other = other.clone();
    let beat = meanwhile(move || async move {
        tell.send(asks(&other, key, LONG).await).unwrap();
    });
    (beat, told)
}

fn assert_handed_over(report: &TurnReport) {
    let TurnEnd::HandedOver { to, reason, .. } = &report.end else {
        panic!("{:?}", report.end)
    };
    assert_eq!(reason, "I moved to the laptop");
    assert!(
        to.contains(&format!("process {}", std::process::id())),
        "{to}"
    );
}

#[tokio::test]
async fn a_turn_that_is_asked_for_while_its_model_calls_a_tool_runs_none_says_so_and_yields() {
    let world = World::new();
    world.model.says("hello");
    world.say("k0", "hi").await.unwrap();
    let other = world.neighbour();
    other.model.says("answer to both");
    let (asked, next) = is_asked_by(&other, "k2");
    world.model.reply(vec![
        asked,
        Beat::Say("let me look"),
        Beat::Call("c1", "do"),
    ]);
    let report = world.say("k1", "go").await.unwrap();
    assert_handed_over(&report);
    assert_eq!(report.waiting, Some(2), "both messages wait for the next");
    assert!(world.tools.called().is_empty(), "no tool was run");

    let newer = next.await.unwrap().await.unwrap().unwrap();
    assert_eq!((newer.end, newer.waiting), (TurnEnd::Completed, Some(0)));
    assert_eq!(
        world.path().await,
        [
            "latchwork.session",
            "user hi",
            "assistant hello (stop)",
            "user go",
            "assistant let me look (toolUse)",
            "result c1 aborted",
            "user mine first",
            "assistant answer to both (stop)",
        ]
    );
    let shown = other.model.asked().remove(0);
    assert!(
        shown
            .iter()
            .any(|line| line.contains("c1 -> Not run: the turn was handed over")),
        "{shown:?}"
    );
}

#[tokio::test]
async fn a_turn_that_is_asked_for_while_a_tool_runs_keeps_its_outcome_and_asks_no_model_again() {
    let world = World::new();
    world.model.says("hello");
    world.say("k0", "hi").await.unwrap();
    let other = world.neighbour();
    other.model.says("answer to both");
    let (tell, told) = std::sync::mpsc::channel();
    let (asking, runtime) = (other.clone(), tokio::runtime::Handle::current());
    world.steps.on("turn:tool-ended", move || {
        let next = std::thread::scope(|scope| {
            scope
                .spawn(|| runtime.block_on(asks(&asking, "k2", LONG)))
                .join()
                .unwrap()
        });
        tell.send(next).unwrap();
    });
    world.model.reply(vec![Beat::Call("c1", "do")]);
    let report = world.say("k1", "go").await.unwrap();
    assert_handed_over(&report);
    assert_eq!(world.model.asked().len(), 2, "the model is not asked again");
    told.recv().unwrap().await.unwrap().unwrap();
    let path = world.path().await;
    assert_eq!(
        path[4..],
        [
            "assistant  (toolUse)",
            "result c1 ok",
            "user mine first",
            "assistant answer to both (stop)"
        ]
    );
    assert!(world.waiting().await.is_empty());
}

#[tokio::test]
async fn a_turn_that_is_asked_for_before_its_model_is_yields_without_asking_it_in_a_new_session_too()
 {
    let cases = [false, true].map(|new| [(new, "turn:prepared"), (new, "turn:assembled")]);
    for (new_session, step) in cases.into_iter().flatten() {
        let mut world = World::new();
        world.options.ledger = true;
        if !new_session {
            world.model.says("hello");
            world.say("k0", "hi").await.unwrap();
        }
        let other = world.neighbour();
        other.model.says("answer to both");
        let (tell, told) = std::sync::mpsc::channel();
        let (asking, runtime) = (other.clone(), tokio::runtime::Handle::current());
        world.steps.on(step, move || {
            let next = std::thread::scope(|scope| {
                scope
                    .spawn(|| runtime.block_on(asks(&asking, "k2", LONG)))
                    .join()
                    .unwrap()
            });
            tell.send(next).unwrap();
        });
        world.events.lock().unwrap().clear();
        let asked_before = world.model.asked().len();
        let report = world.say("k1", "go").await.unwrap();
        assert_handed_over(&report);
        assert_eq!(world.model.asked().len(), asked_before);
        let events = world.types();
        assert!(!events.contains(&"warning".to_owned()), "{events:?}");
        assert!(events.contains(&"askedToYield".to_owned()), "{events:?}");
        let goes_on = events.contains(&"phaseStarted assemble".to_owned());
        assert_eq!(goes_on, step == "turn:assembled", "the next boundary");
        told.recv().unwrap().await.unwrap().unwrap();
        let shown = other.model.asked().remove(0);
        assert_eq!(shown[shown.len() - 2..], ["user: go", "user: mine first"]);
        assert!(world.waiting().await.is_empty());
    }
}

#[tokio::test]
async fn a_turn_that_is_asked_for_while_its_model_finds_it_too_long_yields_before_it_is_asked_again()
 {
    let mut world = World::new();
    world.model.says("hello");
    world.say("k0", "hi").await.unwrap();
    world.engine = Arc::new(Plain {
        compacts: true,
        ..Plain::default()
    });
    let other = world.neighbour();
    other.model.says("answer to both");
    let (asked, next) = is_asked_by(&other, "k2");
    let too_long = ModelError::TooLong {
        provider: "script".into(),
        model: "m-1".into(),
        message: "at most 10".into(),
    };
    world.model.reply(vec![asked, Beat::Fail(too_long)]);
    let report = world.say("k1", "go").await.unwrap();
    assert_handed_over(&report);
    assert_eq!(world.model.asked().len(), 2, "it is not asked again");
    let newer = next.await.unwrap().await.unwrap().unwrap();
    assert_eq!((newer.end, newer.waiting), (TurnEnd::Completed, Some(0)));
}

#[tokio::test]
async fn a_turn_whose_last_word_comes_while_it_is_asked_for_completes() {
    let world = World::new();
    let other = world.neighbour();
    other.model.says("and yours");
    let (asked, next) = is_asked_by(&other, "k2");
    world.model.reply(vec![asked, Beat::Say("done")]);
    let report = world.say("k1", "go").await.unwrap();
    assert_eq!(
        (report.end, report.text.as_str()),
        (TurnEnd::Completed, "done")
    );
    let newer = next.await.unwrap().await.unwrap().unwrap();
    assert_eq!(newer.text, "and yours");
    assert!(world.waiting().await.is_empty());
}

#[tokio::test]
async fn a_model_that_speaks_on_is_superseded_after_the_grace_and_its_words_are_kept() {
    let world = World::new();
    world.model.says("hello");
    world.say("k0", "hi").await.unwrap();
    let other = world.neighbour();
    other.model.says("newer");
    let asking = other.clone();
    let outlasts = meanwhile(move || async move {
        let next = asks(&asking, "k2", Duration::from_millis(20)).await;
        next.await.unwrap().unwrap();
    });
    world.model.reply(vec![outlasts, Beat::Say("too long")]);
    let error = world.say("k1", "go").await.unwrap_err();
    let TurnError::Superseded {
        kept: Some(_),
        lost,
        ..
    } = &error
    else {
        panic!("{error:?}")
    };
    let words = lost.to_string();
    assert!(
        words.contains("I moved to the laptop") && words.contains("since 20"),
        "{words}"
    );
    let path = world.path().await;
    assert!(
        path.contains(&"assistant newer (stop)".to_owned()),
        "{path:?}"
    );
    assert!(!path.iter().any(|said| said.contains("too long")));
    let all = world.everything().await;
    assert!(
        all.contains(&"assistant too long (stop)".to_owned()),
        "{all:?}"
    );
}

#[tokio::test]
async fn to_whom_and_why_a_turn_was_handed_over_stands_in_the_transcript() {
    let mut world = World::new();
    world.options.ledger = true;
    world.model.says("hello");
    world.say("k0", "hi").await.unwrap();
    let other = world.neighbour();
    other.model.says("answer");
    let (asked, next) = is_asked_by(&other, "k2");
    world.model.reply(vec![asked, Beat::Call("c1", "do")]);
    let report = world.say("k1", "go").await.unwrap();
    let newer = next.await.unwrap().await.unwrap().unwrap();
    let snapshot = world.snapshot().await;
    let ledger = snapshot
        .transcript
        .entries()
        .find(|entry| entry.text().contains("handedOver"))
        .expect("a ledger entry that says so");
    let ledger: serde_json::Value = serde_json::from_str(ledger.text()).unwrap();
    assert_eq!(ledger["data"]["turn"], report.turn);
    assert_eq!(ledger["data"]["handedOver"]["turn"], newer.turn);
    assert_eq!(
        ledger["data"]["handedOver"]["reason"],
        "I moved to the laptop"
    );
}
