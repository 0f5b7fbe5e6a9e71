//! Turns that end early: interrupted, failed by the provider, or dropped as a crash drops them.

use std::sync::mpsc::channel;

use latchwork_runner::{TurnEnd, TurnError};

use crate::script::{Beat, broken, meanwhile};
use crate::world::World;

#[tokio::test]
async fn an_interrupted_reply_keeps_its_words_and_the_message_is_answered() {
    let world = World::new();
    let token = world.cancel.clone();
    world.model.reply(vec![
        Beat::Say("half a"),
        Beat::Call("c1", "do"),
        meanwhile(move || async move { token.cancel() }),
        Beat::Hang,
    ]);
    let error = world.say("k1", "hi").await.unwrap_err();
    assert!(
        matches!(error, TurnError::Cancelled { kept: true, .. }),
        "{error:?}"
    );
    assert_eq!(
        world.path().await.last().unwrap(),
        "assistant half a (aborted)"
    );
    assert!(world.tools.called().is_empty() && world.waiting().await.is_empty());
}

#[tokio::test]
async fn an_interruption_before_the_first_word_records_nothing_and_the_message_stays_accepted() {
    let world = World::new();
    let token = world.cancel.clone();
    world.model.reply(vec![
        meanwhile(move || async move { token.cancel() }),
        Beat::Hang,
    ]);
    let error = world.say("k1", "hi").await.unwrap_err();
    assert!(
        matches!(error, TurnError::Cancelled { kept: false, .. }),
        "{error:?}"
    );
    assert!(!world.snapshot().await.exists);
    assert_eq!(world.waiting().await, ["k1"]);
}

#[tokio::test]
async fn a_provider_that_fails_before_a_word_costs_nothing_and_the_same_key_is_answered_next_time()
{
    let world = World::new();
    world.model.reply(vec![Beat::Fail(broken())]);
    let error = world.say("k1", "hi").await.unwrap_err();
    assert!(
        matches!(error, TurnError::Model(_)) && !error.is_contention(),
        "{error:?}"
    );
    assert!(!world.snapshot().await.exists);
    world.model.says("now");
    world.say("k1", "hi").await.unwrap();
    assert_eq!(world.model.asked()[1], ["user: hi"]);
    assert!(world.waiting().await.is_empty());
}

#[tokio::test]
async fn a_provider_that_fails_after_some_words_keeps_them_and_the_message_is_still_owed() {
    let world = World::new();
    world
        .model
        .reply(vec![Beat::Say("well, "), Beat::Fail(broken())]);
    let error = world.say("k1", "hi").await.unwrap_err();
    assert!(matches!(error, TurnError::Model(_)), "{error:?}");
    assert_eq!(
        world.path().await.last().unwrap(),
        "assistant well,  (error)"
    );
    assert_eq!(world.waiting().await, ["k1"]);
    world.model.says("again");
    assert_eq!(
        world.run(world.ask(None)).await.unwrap().end,
        TurnEnd::Completed
    );
    assert_eq!(
        world.model.asked()[1],
        ["user: hi", "assistant"],
        "the message stands once"
    );
    assert!(world.waiting().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_dies_at_any_step_leaves_its_message_accepted_once_and_every_call_answered() {
    let steps = [
        "turn:admitted",
        "turn:claimed",
        "turn:prepared",
        "turn:assembled",
        "turn:asked",
        "turn:answered",
        "turn:recorded",
        "turn:tool-started",
        "turn:tool-ended",
        "turn:acted",
        "turn:settled",
        "turn:closed",
    ];
    for step in steps {
        let world = World::new();
        world.model.says("hello");
        world.say("k0", "hi").await.unwrap();
        let (here, reached) = tokio::sync::oneshot::channel();
        let (go_on, wait) = channel::<()>();
        world.steps.on(step, move || {
            here.send(()).unwrap();
            let _ = wait.recv();
        });
        world
            .model
            .reply(vec![Beat::Say("so"), Beat::Call("c1", "do")]);
        world.model.says("first");
        let dying = world.clone();
        let task = tokio::spawn(async move { dying.say("k1", "go").await });
        reached.await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled(), "{step}");
        drop(go_on);

        // Another process comes later. What it needs of the model is written down twice over.
        let later = world.neighbour();
        later.model.says("second");
        later.say("k2", "still there?").await.unwrap();
        let asked = later.model.asked().remove(0);
        assert_eq!(
            asked.iter().filter(|line| *line == "user: go").count(),
            1,
            "{step}: {asked:?}"
        );
        let calls: Vec<&String> = asked
            .iter()
            .filter(|line| line.starts_with("c1 -> "))
            .collect();
        assert!(
            calls
                .iter()
                .all(|call| call.contains("did c1") || call.contains("Outcome unknown")),
            "{step}: {asked:?}"
        );
        assert!(later.waiting().await.is_empty(), "{step}");
        let path = later.path().await;
        assert_eq!(
            path.iter()
                .filter(|entry| entry.starts_with("assistant so"))
                .count(),
            path.iter()
                .filter(|entry| entry.starts_with("result c1"))
                .count(),
            "{step}: every call on disk has its outcome: {path:?}"
        );
    }
}
