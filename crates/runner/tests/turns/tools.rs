//! Turns with tools.

use latchwork_runner::{TurnEnd, TurnError};
use latchwork_session::StopReason;

use crate::script::Beat;
use crate::world::World;

#[tokio::test]
async fn tools_of_one_reply_run_side_by_side_and_the_model_is_told_every_outcome() {
    let world = World::new();
    world.model.reply(vec![
        Beat::Call("c1", "together"),
        Beat::Call("c2", "together"),
    ]);
    world.model.says("done");
    let report = world.say("k1", "go").await.unwrap();
    assert_eq!(
        (report.end, report.rounds, report.tool_calls),
        (TurnEnd::Completed, 2, 2)
    );
    assert_eq!(
        world.model.asked()[1],
        ["user: go", "assistant", "c1 -> did c1", "c2 -> did c2"]
    );
    assert!(world.waiting().await.is_empty());
}

#[tokio::test]
async fn more_calls_than_places_are_all_run_once() {
    let mut world = World::new();
    world.options.parallel_tools_max = 1;
    world.model.reply(vec![
        Beat::Call("c1", "do"),
        Beat::Call("c2", "do"),
        Beat::Call("c3", "do"),
    ]);
    world.model.says("done");
    world.say("k1", "go").await.unwrap();
    assert_eq!(world.tools.called(), ["c1", "c2", "c3"]);
    assert_eq!(
        world
            .path()
            .await
            .iter()
            .filter(|entry| entry.ends_with(" ok"))
            .count(),
        3
    );
}

#[tokio::test]
async fn a_tool_that_panics_is_an_outcome_and_the_turn_goes_on() {
    let world = World::new();
    world.model.reply(vec![Beat::Call("c1", "clumsy")]);
    world.model.says("pity");
    assert_eq!(world.say("k1", "go").await.unwrap().end, TurnEnd::Completed);
    assert!(world.path().await.contains(&"result c1 error".to_owned()));
    assert!(
        world.model.asked()[1]
            .last()
            .unwrap()
            .contains("dropped it")
    );
}

#[tokio::test]
async fn calls_of_a_reply_that_ran_out_of_tokens_are_not_run() {
    let world = World::new();
    world
        .model
        .reply(vec![Beat::Call("c1", "do"), Beat::Stop(StopReason::Length)]);
    world.model.says("shorter now");
    world.say("k1", "go").await.unwrap();
    assert!(world.tools.called().is_empty());
    assert!(world.path().await.contains(&"result c1 error".to_owned()));
}

#[tokio::test]
async fn a_model_that_never_has_enough_is_stopped_after_the_allowed_rounds() {
    let mut world = World::new();
    world.options.rounds_max = 2;
    world.model.reply(vec![Beat::Call("c1", "do")]);
    world.model.reply(vec![Beat::Call("c2", "do")]);
    let error = world.say("k1", "go").await.unwrap_err();
    assert!(
        matches!(error, TurnError::TooManyRounds { rounds: 2, .. }),
        "{error:?}"
    );
    assert_eq!(world.waiting().await, ["k1"], "it is still owed an answer");
    assert_eq!(
        world
            .path()
            .await
            .iter()
            .filter(|entry| entry.ends_with(" ok"))
            .count(),
        2
    );
}

#[tokio::test]
async fn an_interruption_ends_every_tool_even_a_deaf_one_and_records_an_outcome_for_each() {
    let mut world = World::new();
    world.options.parallel_tools_max = 2;
    world.model.reply(vec![
        Beat::Call("c1", "polite"),
        Beat::Call("c2", "deaf"),
        Beat::Call("c3", "do"),
    ]);
    let token = world.cancel.clone();
    // Both places are taken when the second tool has begun.
    world.steps.on("turn:tool-started", || {});
    world.steps.on("turn:tool-started", move || token.cancel());
    let error = world.say("k1", "go").await.unwrap_err();
    assert!(error.is_cancelled(), "{error:?}");
    assert_eq!(
        world.tools.called(),
        ["c1", "c2"],
        "nothing is started after an interruption"
    );
    let mut outcomes: Vec<String> = world
        .path()
        .await
        .into_iter()
        .filter(|entry| entry.starts_with("result"))
        .collect();
    outcomes.sort();
    assert_eq!(
        outcomes,
        [
            "result c1 aborted",
            "result c2 aborted",
            "result c3 aborted"
        ]
    );
    assert!(world.waiting().await.is_empty(), "the user ended it");
}
