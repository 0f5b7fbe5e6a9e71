//! Turns that nothing disturbs.

use latchwork_runner::{OnClaimed, PlacedAs, TurnEnd};
use latchwork_session::Level;

use crate::script::{Beat, meanwhile};
use crate::world::World;

#[tokio::test]
async fn a_first_turn_writes_header_message_and_reply_together_and_holds_nothing_while_the_model_speaks()
 {
    let world = World::new();
    let seen = world.clone();
    let look = meanwhile(move || async move {
        assert_eq!(
            seen.waiting().await,
            ["k1"],
            "the message is durable before the model is asked"
        );
        assert!(
            !seen.snapshot().await.exists,
            "no model has spoken here yet"
        );
    });
    world.model.reply(vec![
        look,
        Beat::Think("hm"),
        Beat::Say("hello"),
        Beat::Say(" you"),
    ]);
    let report = world.say("k1", "hi").await.unwrap();

    assert_eq!(
        (report.end, report.text.as_str()),
        (TurnEnd::Completed, "hello you")
    );
    assert_eq!(
        (report.outcome, report.waiting),
        (Some(PlacedAs::Clean), Some(0))
    );
    assert_eq!((report.rounds, report.usage.total_tokens), (1, 10));
    assert_eq!(report.saved_through, Some(Level::Synced));
    let path = world.path().await;
    assert_eq!(path.last().unwrap(), "assistant hello\n you (stop)");
    assert_eq!(path.iter().filter(|entry| *entry == "user hi").count(), 1);
    let header = world.snapshot().await.transcript.header().unwrap().clone();
    assert_eq!(header.cwd, "/work");

    let types = world.types();
    let at = |name: &str| {
        types
            .iter()
            .position(|known| known == name)
            .unwrap_or_else(|| panic!("{name} in {types:?}"))
    };
    assert!(at("accepted") < at("phaseStarted claim"));
    let asking = &types[at("phaseStarted ask")..at("phaseEnded ask")];
    assert!(
        asking.iter().all(|name| !name.starts_with("guard")),
        "{asking:?}"
    );
    let taken = types
        .iter()
        .filter(|name| name.starts_with("guardTaken"))
        .count();
    let released = types
        .iter()
        .filter(|name| name.starts_with("guardReleased"))
        .count();
    assert_eq!(
        (taken, released),
        (3, 3),
        "prepare, record, settle: {types:?}"
    );
    assert_eq!(types.last().unwrap(), "ended");
}

#[tokio::test]
async fn a_later_turn_places_its_message_before_the_model_is_asked_and_leaves_its_figures_behind() {
    let mut world = World::new();
    world.options.ledger = true;
    world.model.says("one");
    world.say("k1", "first").await.unwrap();
    let seen = world.clone();
    world.model.reply(vec![
        meanwhile(move || async move {
            assert_eq!(seen.path().await.last().unwrap(), "user second");
        }),
        Beat::Say("two"),
    ]);
    let report = world.say("k2", "second").await.unwrap();
    assert_eq!(
        world.model.asked()[1],
        ["user: first", "assistant", "user: second"]
    );
    let path = world.path().await;
    assert_eq!(
        path[path.len() - 2..],
        ["assistant two (stop)", "latchwork.turn"]
    );
    let told = world.engine.told.lock().unwrap().clone();
    assert!(
        report.entries.iter().all(|entry| told.contains(entry)),
        "the engine was told of every entry"
    );
}

#[tokio::test]
async fn a_key_that_was_answered_is_answered_with_the_same_words_and_without_a_model() {
    let world = World::new();
    world.model.says("once");
    world.say("k1", "hi").await.unwrap();
    let report = world.say("k1", "hi").await.unwrap();
    assert!(
        matches!(report.end, TurnEnd::AlreadyAnswered { .. }),
        "{:?}",
        report.end
    );
    assert_eq!(report.text, "once");
    assert_eq!(world.model.asked().len(), 1);
}

#[tokio::test]
async fn without_a_message_a_turn_answers_what_waits_and_else_does_nothing() {
    let world = World::new();
    assert_eq!(
        world.run(world.ask(None)).await.unwrap().end,
        TurnEnd::Nothing
    );

    let other = world.neighbour();
    world.model.reply(vec![
        meanwhile(move || async move {
            let mut ask = other.ask(Some(("k2", "and I?")));
            ask.on_claimed = Some(OnClaimed::Queue);
            assert_eq!(other.run(ask).await.unwrap().end, TurnEnd::Queued);
        }),
        Beat::Say("first"),
    ]);
    let report = world.say("k1", "hi").await.unwrap();
    assert_eq!(
        (report.waiting, world.waiting().await),
        (Some(1), vec!["k2".to_owned()])
    );
    world.model.says("second");
    world.run(world.ask(None)).await.unwrap();
    assert_eq!(
        world.model.asked()[1],
        ["user: hi", "assistant", "user: and I?"]
    );
    assert!(world.waiting().await.is_empty());
}
