//! Whether seals are kept behind what the model was shown.

use super::*;

/// The reply's seals and what was changed, when the model noted that it had been shown `shown` and is now shown `now`.
fn sealed_after(shown: &[Value], now: &[Value]) -> (bool, Vec<Change>) {
    let (field, note) = run(shown).0.prefix().note();
    let mut noted = reply(&json!([
        { "type": "thinking", "thinking": "hm", "thinkingSignature": "seal" },
        { "type": "text", "text": "so", "textSignature": "mark" },
        { "type": "toolCall", "id": "9", "name": "ls", "arguments": {}, "thoughtSignature": "mark" },
    ]));
    noted[field] = note;
    let (conversation, changes) = run(&[now, &[noted, result("9", "x")]].concat());
    let Some(Exchange::Assistant(turn)) = conversation.exchanges.last() else {
        panic!("no reply")
    };
    let sealed: Vec<bool> = turn
        .items()
        .iter()
        .map(|item| match item {
            Item::Block(Block::Text { signature, .. }) => signature.is_some(),
            Item::Block(Block::Thinking(thinking)) => matches!(thinking, Thinking::Sealed { .. }),
            Item::Call(call) => call.signature.is_some(),
        })
        .collect();
    assert_eq!(sealed.len(), 3, "what was said stays");
    assert!(
        sealed.windows(2).all(|pair| pair[0] == pair[1]),
        "all or none"
    );
    (sealed[0], changes)
}

#[test]
fn seals_are_kept_only_behind_what_the_model_was_shown() {
    let told = [
        user("a"),
        reply(&json!([call("1")])),
        result("1", "listed"),
        user("b"),
    ];
    assert_eq!(sealed_after(&told, &told), (true, vec![]));
    // Instructions and the thinking and seals of others come and go without a change of what was said.
    let mut elsewhere = told.to_vec();
    elsewhere.insert(0, json!({ "role": "system", "content": "be brief" }));
    elsewhere[2] = json!({ "role": "assistant", "content": [{ "type": "thinking", "thinking": "hm" }, call("1")], "model": "other" });
    assert_eq!(sealed_after(&told, &elsewhere), (true, vec![]));
    for (place, changed) in [(0, user("A")), (2, result("1", "other")), (3, user("b "))] {
        let mut now = told.clone();
        now[place] = changed;
        assert_eq!(
            sealed_after(&told, &now),
            (false, vec![Change::StalePrefix]),
            "{place}"
        );
    }
    let mut failed = told.clone();
    failed[2]["isError"] = true.into();
    assert!(!sealed_after(&told, &failed).0);
    assert!(!sealed_after(&told, &told[..3]).0, "a line was lost");
    let more = [&told[..], &[user("c")]].concat();
    assert!(!sealed_after(&told, &more).0, "a line came between");
}

#[test]
fn a_result_that_came_late_makes_the_seals_after_it_stale() {
    let shown = [user("a"), reply(&json!([call("1")])), user("b")];
    let now = [
        user("a"),
        reply(&json!([call("1")])),
        result("1", "late"),
        user("b"),
    ];
    assert!(
        sealed_after(&shown, &shown).0,
        "shown as unknown, and unknown still"
    );
    assert!(!sealed_after(&shown, &now).0);
}

#[test]
fn a_note_that_cannot_be_read_counts_as_none() {
    for note in [
        json!({}),
        json!({ "prefix": 7 }),
        json!({ "prefix": "+000000000000001" }),
        json!({ "prefix": "x" }),
        json!("x"),
    ] {
        let mut noted = reply(&json!([{ "type": "text", "text": "so", "textSignature": "mark" }]));
        noted["latchwork"] = note;
        assert_eq!(run(&[noted]).1, []);
    }
}

#[test]
fn where_a_seal_is_a_fields_name_the_prefix_does_not_count() {
    let mut noted = reply(
        &json!([{ "type": "thinking", "thinking": "hm", "thinkingSignature": "reasoning_content" }, { "type": "text", "text": "so" }]),
    );
    noted["api"] = "openai-completions".into();
    noted["latchwork"] = json!({ "prefix": "0000000000000000" });
    let message = ContextMessage::new(None, &to_raw_value(&noted).unwrap());
    let context = Context {
        messages: vec![message],
        ..Context::default()
    };
    let (_, report) = project(&context, &Target::new("p", "m", "openai-completions"));
    assert!(report.is_clean(), "{report:?}");
}
