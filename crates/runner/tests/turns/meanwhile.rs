//! Turns during which others write.

use latchwork_format::Body;
use latchwork_runner::{PlacedAs, TurnEnd};
use latchwork_session::NewEntry;

use crate::script::{Beat, broken, meanwhile};
use crate::world::World;

/// A session with one exchange.
async fn begun() -> World {
    let world = World::new();
    world.model.says("hello");
    world.say("k0", "hi").await.unwrap();
    world
}

#[tokio::test]
async fn a_message_that_comes_in_between_is_answered_next_and_stands_once_in_the_context() {
    let world = begun().await;
    let other = world.neighbour();
    world.model.reply(vec![
        meanwhile(move || async move { other.append_message("side", "one more").await }),
        Beat::Say("mine"),
    ]);
    let report = world.say("k1", "go").await.unwrap();
    assert_eq!(
        (report.end, report.outcome),
        (TurnEnd::Completed, Some(PlacedAs::Diverged))
    );
    let path = world.path().await;
    assert_eq!(
        path[path.len() - 3..],
        ["user go", "assistant mine (stop)", "user one more"]
    );

    world.model.says("both");
    world.say("k2", "and?").await.unwrap();
    assert_eq!(
        world.model.asked()[2],
        [
            "user: hi",
            "assistant",
            "user: go",
            "assistant",
            "user: one more",
            "user: and?"
        ]
    );
}

#[tokio::test]
async fn a_message_between_a_call_and_its_outcome_leaves_the_pair_together_and_is_seen_in_the_same_turn()
 {
    let world = begun().await;
    let other = world.neighbour();
    let runtime = tokio::runtime::Handle::current();
    world.steps.on("turn:tool-ended", move || {
        // The step has a thread of its own, so it may wait for another writer.
        std::thread::scope(|scope| {
            scope
                .spawn(|| runtime.block_on(other.append_message("side", "one more")))
                .join()
                .unwrap();
        });
    });
    world.model.reply(vec![Beat::Call("c1", "do")]);
    world.model.says("seen");
    world.say("k1", "go").await.unwrap();
    let path = world.path().await;
    assert_eq!(
        path[path.len() - 3..],
        ["result c1 ok", "user one more", "assistant seen (stop)"]
    );
}

#[tokio::test]
async fn a_name_given_in_between_does_not_disturb_the_reply() {
    let world = begun().await;
    let other = world.neighbour();
    let rename = meanwhile(move || async move {
        other
            .append(vec![NewEntry::new(Body::SessionInfo { name: "n".into() })])
            .await;
    });
    world.model.reply(vec![rename, Beat::Say("mine")]);
    let report = world.say("k1", "go").await.unwrap();
    assert_eq!(report.outcome, Some(PlacedAs::Rebased));
    let path = world.path().await;
    assert_eq!(
        path[path.len() - 3..],
        ["user go", "session_info", "assistant mine (stop)"]
    );
}

#[tokio::test]
async fn after_a_rewind_the_reply_is_kept_beside_the_head_stays_and_the_message_is_not_answered() {
    let world = begun().await;
    let other = world.neighbour();
    let back = meanwhile(move || async move {
        other
            .rewind_to("assistant hello (stop)", "second thoughts")
            .await;
    });
    world
        .model
        .reply(vec![back, Beat::Say("too late"), Beat::Call("c1", "do")]);
    let report = world.say("k1", "go").await.unwrap();
    let TurnEnd::Replaced { why } = &report.end else {
        panic!("{:?}", report.end)
    };
    assert!(why.contains("second thoughts"), "{why}");
    assert!(
        world.tools.called().is_empty(),
        "no tool runs for a branch that was left"
    );
    assert!(
        !world
            .path()
            .await
            .iter()
            .any(|entry| entry.contains("too late"))
    );
    let all = world.everything().await;
    assert!(
        all.contains(&"assistant too late (toolUse)".to_owned()),
        "{all:?}"
    );
    assert!(all.contains(&"result c1 aborted".to_owned()), "{all:?}");

    world.model.says("fresh");
    world.say("k2", "instead").await.unwrap();
    assert_eq!(
        world.model.asked()[2],
        ["user: hi", "assistant", "user: instead"]
    );
    assert!(world.waiting().await.is_empty());
}

#[tokio::test]
async fn a_rewind_while_a_tool_runs_costs_no_further_model_call() {
    let world = begun().await;
    let other = world.neighbour();
    let runtime = tokio::runtime::Handle::current();
    world.steps.on("turn:acted", move || {
        std::thread::scope(|scope| {
            scope
                .spawn(|| runtime.block_on(other.rewind_to("assistant hello (stop)", "never mind")))
                .join()
                .unwrap();
        });
    });
    world.model.reply(vec![Beat::Call("c1", "do")]);
    let report = world.say("k1", "go").await.unwrap();
    assert_eq!(
        report.end,
        TurnEnd::Replaced {
            why: "never mind".into()
        }
    );
    assert_eq!(world.model.asked().len(), 2);
}

#[tokio::test]
async fn a_stale_peers_line_does_not_become_the_head_for_anybody_whether_the_turn_succeeds_or_fails()
 {
    for fails in [false, true] {
        let world = begun().await;
        let stale = world
            .snapshot()
            .await
            .transcript
            .entries()
            .next()
            .unwrap()
            .id()
            .to_string();
        let peer = world.clone();
        let last = if fails {
            Beat::Fail(broken())
        } else {
            Beat::Say("mine")
        };
        let name =
            meanwhile(move || async move { peer.stale_peer_names_the_session_below(&stale) });
        world.model.reply(vec![name, last]);
        assert_eq!(world.say("k1", "go").await.is_err(), fails);
        let snapshot = world.snapshot().await;
        assert_eq!(
            snapshot.transcript.leaf(),
            snapshot.head.leaf.as_ref(),
            "pi takes the last line for the head"
        );
        let path = world.path().await;
        assert_eq!(path.contains(&"assistant mine (stop)".to_owned()), !fails);
        assert!(path.contains(&"user go".to_owned()), "{path:?}");
    }
}
