//! Turns whose engine or window is in the way.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use latchwork_runner::{TurnEnd, TurnError};
use latchwork_session::ModelError;

use crate::script::{Beat, Plain};
use crate::world::World;

async fn begun(engine: Plain, token_budget: Option<u64>) -> World {
    let mut world = World::new();
    world.model.says("hello");
    world.say("k0", "hi").await.unwrap();
    world.engine = Arc::new(engine);
    world.options.token_budget = token_budget;
    world
}

#[tokio::test]
async fn an_engine_that_fails_is_warned_of_and_the_transcripts_own_context_is_shown() {
    let world = begun(
        Plain {
            fails: true,
            ..Plain::default()
        },
        None,
    )
    .await;
    world.model.says("fine");
    assert_eq!(world.say("k1", "go").await.unwrap().end, TurnEnd::Completed);
    assert_eq!(
        world.model.asked()[1],
        ["user: hi", "assistant", "user: go"]
    );
    assert!(world.types().contains(&"warning".to_owned()));
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_compacted_once_and_then_asked() {
    let engine = Plain {
        compacts: true,
        ..Plain::default()
    };
    engine.weights.lock().unwrap().extend([5_000, 50]);
    let world = begun(engine, Some(100)).await;
    world.model.says("short");
    assert_eq!(world.say("k1", "go").await.unwrap().end, TurnEnd::Completed);
    assert_eq!(world.engine.compacted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_prompt_that_stays_too_long_is_refused_with_its_numbers_and_nothing_is_asked() {
    let engine = Plain {
        compacts: true,
        ..Plain::default()
    };
    engine.weights.lock().unwrap().extend([5_000, 4_000]);
    let world = begun(engine, Some(100)).await;
    let error = world.say("k1", "go").await.unwrap_err();
    assert!(
        matches!(
            error,
            TurnError::TooLong {
                estimated_tokens: 4_000,
                token_budget: 100,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(world.model.asked().len(), 1);
    assert_eq!(world.waiting().await, ["k1"]);
}

#[tokio::test]
async fn a_provider_that_says_too_long_is_asked_again_after_a_compaction_and_only_then() {
    let too_long = || {
        Beat::Fail(ModelError::TooLong {
            provider: "script".into(),
            model: "m-1".into(),
            message: "at most 10".into(),
        })
    };
    let world = begun(
        Plain {
            compacts: true,
            ..Plain::default()
        },
        None,
    )
    .await;
    world.model.reply(vec![too_long()]);
    world.model.says("short");
    assert_eq!(world.say("k1", "go").await.unwrap().end, TurnEnd::Completed);

    let world = begun(Plain::default(), None).await;
    world.model.reply(vec![too_long()]);
    let error = world.say("k1", "go").await.unwrap_err();
    assert!(
        matches!(error, TurnError::Model(ModelError::TooLong { .. })),
        "{error:?}"
    );
    assert_eq!(
        (
            world.model.asked().len(),
            world.engine.compacted.load(Ordering::SeqCst)
        ),
        (2, 1)
    );
}
