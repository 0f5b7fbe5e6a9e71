//! What a model sealed goes back to it as long as what it was shown before still stands.

use latchwork_format::Body;
use latchwork_session::NewEntry;
use serde_json::json;

use crate::script::Beat;
use crate::world::World;

#[tokio::test]
async fn a_models_seals_go_back_to_it_until_what_it_was_shown_is_changed() {
    let world = World::new();
    for (key, seal) in [("k1", "one"), ("k2", "two"), ("k3", "three")] {
        world.model.reply(vec![Beat::Seal(seal), Beat::Say("said")]);
        world.say(key, "go on").await.unwrap();
    }
    let snapshot = world.snapshot().await;
    let second = snapshot
        .transcript
        .entries()
        .filter(|entry| entry.role().is_some_and(|role| role.as_str() == "user"))
        .nth(1)
        .unwrap();
    let edit = json!({ "type": "context_edit", "targetId": second.id().as_str(), "replacement": { "content": "changed" } });
    let edit = edit.as_object().unwrap().clone();
    world
        .append(vec![NewEntry::new(Body::Verbatim(edit))])
        .await;
    world.model.says("done");
    world.say("k4", "and now?").await.unwrap();

    let asked = world.model.asked();
    let seals = |shown: &[String]| -> Vec<String> {
        let seals = shown.iter().filter(|line| line.starts_with("seal"));
        seals.cloned().collect()
    };
    assert_eq!(seals(&asked[1]), ["seal of one"]);
    assert_eq!(seals(&asked[2]), ["seal of one", "seal of two"]);
    assert_eq!(asked[3][3], "user: changed", "{:?}", asked[3]);
    assert_eq!(
        seals(&asked[3]),
        ["seal of one"],
        "the first reply stands before the change"
    );
}
