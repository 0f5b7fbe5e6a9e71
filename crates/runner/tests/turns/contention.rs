//! Turns that meet other turns and other writers.

use std::sync::{Arc, Mutex};

use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_runner::{OnClaimed, TurnEnd, TurnError, TurnEvent, What, run_turn};
use latchwork_session::{GuardAsk, SessionLocks};
use tokio::sync::oneshot;

use crate::script::{Beat, meanwhile};
use crate::world::World;

#[tokio::test]
async fn a_claimed_session_refuses_another_turn_at_once_and_keeps_its_message() {
    let world = World::new();
    let other = world.neighbour();
    world.model.reply(vec![
        meanwhile(move || async move {
            let mut ask = other.ask(Some(("k2", "me too")));
            ask.on_claimed = Some(OnClaimed::Fail);
            let error = other.run(ask).await.unwrap_err();
            assert!(
                matches!(error, TurnError::Claimed(_)) && error.is_contention(),
                "{error:?}"
            );
            assert_eq!(other.waiting().await, ["k1", "k2"]);
        }),
        Beat::Say("busy"),
    ]);
    world.say("k1", "hi").await.unwrap();
    assert_eq!(world.waiting().await, ["k2"]);
}

#[tokio::test]
async fn a_turn_that_is_taken_over_keeps_its_reply_beside_and_says_why() {
    for new_session in [false, true] {
        let world = World::new();
        if !new_session {
            world.model.says("hello");
            world.say("k0", "hi").await.unwrap();
        }
        let other = world.neighbour();
        other.model.says("the newer answer");
        let newer = other.clone();
        world.model.reply(vec![
            meanwhile(move || async move {
                let mut ask = newer.ask(Some(("k2", "mine first")));
                ask.on_claimed = Some(OnClaimed::TakeOver("it hangs".into()));
                newer.run(ask).await.unwrap();
            }),
            Beat::Say("the older answer"),
            Beat::Call("c1", "do"),
        ]);
        let error = world.say("k1", "go").await.unwrap_err();
        let TurnError::Superseded {
            kept: Some(kept),
            lost,
            ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert!(lost.to_string().contains("it hangs"), "{lost}");
        assert!(error.is_contention() && world.tools.called().is_empty());

        let snapshot = world.snapshot().await;
        assert!(snapshot.transcript.entry(kept).unwrap().is_aside());
        let path = world.path().await;
        assert!(
            path.contains(&"assistant the newer answer (stop)".to_owned()),
            "{path:?}"
        );
        assert!(
            !path.iter().any(|entry| entry.contains("older")),
            "{path:?}"
        );
        assert!(
            world
                .everything()
                .await
                .contains(&"result c1 aborted".to_owned())
        );
        // Both messages were there when the newer turn looked, and it answered both.
        let asked = other.model.asked().remove(0);
        assert_eq!(asked[asked.len() - 2..], ["user: go", "user: mine first"]);
        assert!(world.waiting().await.is_empty());
    }
}

#[tokio::test]
async fn a_turn_that_is_taken_over_while_a_tool_runs_keeps_the_outcome_beside() {
    let world = World::new();
    world.model.says("hello");
    world.say("k0", "hi").await.unwrap();
    let other = world.neighbour();
    other.model.says("newer");
    let newer = other.clone();
    let runtime = tokio::runtime::Handle::current();
    world.steps.on("turn:tool-ended", move || {
        let work = async {
            let mut ask = newer.ask(Some(("k2", "mine first")));
            ask.on_claimed = Some(OnClaimed::TakeOver("now".into()));
            newer.run(ask).await.unwrap();
        };
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(work)).join().unwrap();
        });
    });
    world.model.reply(vec![Beat::Call("c1", "do")]);
    let error = world.say("k1", "go").await.unwrap_err();
    assert!(matches!(error, TurnError::Superseded { .. }), "{error:?}");
    assert_eq!(
        world.model.asked().len(),
        2,
        "no model is asked for a turn that is over"
    );
    let path = world.path().await;
    assert!(
        path.contains(&"assistant newer (stop)".to_owned()),
        "{path:?}"
    );
    assert!(
        world
            .everything()
            .await
            .contains(&"result c1 ok".to_owned())
    );
}

#[tokio::test]
async fn a_reply_that_meets_a_busy_session_is_tried_again_and_costs_no_second_model_call() {
    let mut world = World::new();
    world.options.guard_wait_ms = 20;
    let (let_go, wait) = oneshot::channel::<()>();
    let other = world.neighbour();
    world.model.reply(vec![
        meanwhile(move || async move {
            let (held, is_held) = oneshot::channel();
            tokio::spawn(async move {
                let mut scope = LockScope::open();
                let ask = GuardAsk::side(&other.session, Phase::SIDE, Wait::Forever);
                let guard = other.store.guard(&mut scope, ask).await.unwrap();
                held.send(()).unwrap();
                let _ = wait.await;
                guard.release().await.unwrap();
            });
            is_held.await.unwrap();
        }),
        Beat::Say("patience"),
    ]);
    // The other writer lets go when the turn has said that it tries again.
    let let_go = Mutex::new(Some(let_go));
    let watch = move |event: &TurnEvent| {
        if matches!(event.what, What::Warning { .. }) {
            drop(let_go.lock().unwrap().take());
        }
    };
    let mut scope = LockScope::open();
    let mut runtime = world.runtime();
    runtime.options.write_attempts_max = 100;
    let ask = world.ask(Some(("k1", "hi")));
    let report = run_turn(
        &runtime,
        &mut scope,
        ask,
        Arc::new(watch),
        world.cancel.clone(),
    )
    .await
    .unwrap();
    assert_eq!(
        (report.end, world.model.asked().len()),
        (TurnEnd::Completed, 1)
    );
    assert_eq!(
        world.path().await.last().unwrap(),
        "assistant patience (stop)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_on_one_session_answer_every_message_once_one_after_the_other() {
    let world = World::new();
    let mut tasks = Vec::new();
    for number in 0..6 {
        let program = world.neighbour();
        program.model.says("yes");
        tasks.push(tokio::spawn(async move {
            let (key, words) = (format!("k{number}"), format!("wish {number}"));
            program.say(&key, &words).await.unwrap().end
        }));
    }
    for task in tasks {
        let end = task.await.unwrap();
        assert!(
            matches!(end, TurnEnd::Completed | TurnEnd::AlreadyAnswered { .. }),
            "{end:?}"
        );
    }
    let path = world.path().await;
    for number in 0..6 {
        let wish = format!("user wish {number}");
        assert_eq!(
            path.iter().filter(|entry| **entry == wish).count(),
            1,
            "{path:?}"
        );
    }
    assert!(world.waiting().await.is_empty());
}
