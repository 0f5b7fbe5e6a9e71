//! Whatever the store does with an entry, what its author wrote stays to the byte; and of what was torn nothing is made up.

use latchwork_format::{Body, RawObject};
use latchwork_lock::{LockScope, Phase};
use latchwork_session::{
    Birth, GuardAsk, Head, Key, NewEntry, Outcome, Rewrite, SessionId, SessionLocks,
    TranscriptStore,
};

use crate::bench::*;

/// Values that a document model would change, or a strict reader refuse.
const ODD: [&str; 9] = [
    "1e999",
    "-0.0",
    "1.50",
    "123456789012345678901234567890",
    r#""\ud800 \u0041\/ \u0000""#,
    r#"{"k":1,"k":2,"\u006b":3}"#,
    r#"{"z":1,"a":{"y":2,"b":[]}}"#,
    "[ 1 ,\t2 , { \"a\" : null } ]",
    "\"\u{2028}é\"",
];

/// The fields of an odd entry behind its frame.
fn odd_fields(value: &str, target: &str) -> String {
    format!(r#", "odd" :{value} ,"targetId": "{target}" , "odd":[{value}]"#)
}

/// The line of the file that holds this text last.
fn line_with(bench: &Bench, text: &str) -> String {
    let file = bench.text();
    let found = file.lines().rfind(|line| line.contains(text));
    found
        .unwrap_or_else(|| panic!("{text:?} in {file}"))
        .to_owned()
}

fn raw(text: &str) -> NewEntry {
    NewEntry::new(Body::Raw(RawObject::parse(text).unwrap()))
}

#[tokio::test]
async fn what_is_appended_raw_stays_as_it_was_written() {
    for odd in ODD {
        let bench = Bench::new();
        let store = bench.store();
        let base = begun(&store).await;
        let fields = odd_fields(odd, "x");
        let entry = raw(&format!(r#"{{"id":"theirs","type":"note"{fields}}}"#));
        commit(&store, &base, at_head(vec![entry])).await.unwrap();
        let line = line_with(&bench, "\"note\"");
        assert!(
            line.ends_with(&format!(r#""latchwork":{{}}{fields}}}"#)),
            "{line}"
        );
        assert!(
            !line.contains("theirs"),
            "its id is the store's business: {line}"
        );
    }
}

#[tokio::test]
async fn a_message_that_is_placed_again_stays_as_it_was_written() {
    for odd in ODD {
        let bench = Bench::new();
        let store = bench.store();
        let base = begun(&store).await;
        let message = format!(r#"{{"role":"user", "content" :{odd},"x":{odd} , "x":1}}"#);
        let entry = NewEntry {
            key: Some(Key::new("k").unwrap()),
            ..raw(&format!(
                r#"{{"type":"message","odd":{odd} , "message": {message}}}"#
            ))
        };
        commit(&bench.store(), &Head::default(), at_head(vec![entry]))
            .await
            .unwrap();
        let first = line_with(&bench, "\"odd\"");
        let kept = format!(
            r#","odd":{odd} , "message": {}"#,
            message.replace(":1}", r#":1,"idempotencyKey":"k"}"#)
        );
        assert!(first.ends_with(&format!("{kept}}}")), "{first}");
        let done = commit(&store, &base, going_on(vec![assistant("a reply")]))
            .await
            .unwrap();
        assert!(
            matches!(&done.outcome, Outcome::Diverged { again, .. } if again.len() == 1),
            "{:?}",
            done.outcome
        );
        let again = line_with(&bench, "\"odd\"");
        assert!(
            again.contains("\"placement\":2") && again.ends_with(&format!("{kept}}}")),
            "{again}"
        );
    }
}

#[tokio::test]
async fn a_rewrite_changes_what_it_replaces_and_references_and_no_other_byte() {
    for odd in ODD {
        let bench = Bench::new();
        let store = bench.store();
        let base = begun(&store).await;
        let snapshot = open(&store).await;
        let [hello, hi] = [0, 1].map(|place| snapshot.transcript.lines()[place].entry.id().clone());
        let fields = odd_fields(odd, hi.as_str());
        let kept = format!(r#","odd":{odd},"message":{{ "role":"user","content":{odd} }}"#);
        let frame = |id: &str, parent: &str| {
            format!(r#","id":"{id}","parentId":"{parent}","timestamp":"T""#)
        };
        let lines = format!(
            "{{\"type\":\"brand_new\"{}{fields}}}\n{{\"type\":\"message\"{}{kept}}}\n",
            frame("e1", hi.as_str()),
            frame("e2", "e1"),
        );
        bench.append_raw(lines.as_bytes());

        let session = id();
        let mut scope = LockScope::open();
        let ask = GuardAsk::side(&session, Phase::MAINTAIN, soon());
        let mut guard = store.guard(&mut scope, ask).await.unwrap();
        let replacements = vec![(hello, user("hello again").body)];
        let done = store
            .rewrite(
                &mut guard,
                &base,
                Rewrite {
                    replacements,
                    ..Rewrite::default()
                },
            )
            .await
            .unwrap();
        guard.release().await.unwrap();
        assert!(done.changed);
        let receipt = done.receipt.unwrap();
        let new_hi = &receipt.placed[1].id;
        let line = line_with(&bench, "brand_new");
        let expected = odd_fields(odd, new_hi.as_str());
        assert!(
            line.ends_with(&format!(r#""latchwork":{{}}{expected}}}"#)),
            "{line}"
        );
        let line = line_with(&bench, "\"odd\":");
        assert!(
            line.ends_with(&format!(r#""latchwork":{{}}{kept}}}"#)),
            "{line}"
        );
        assert!(bench.text().contains(&lines), "the old branch stays stored");
    }
}

#[tokio::test]
async fn bringing_an_old_version_up_to_date_changes_no_byte_that_it_need_not() {
    for odd in ODD {
        let bench = Bench::new();
        std::fs::create_dir_all(bench.sessions()).unwrap();
        let fields =
            format!(r#", "odd" :{odd} , "odd":1,"message":{{ "role":"user","content":{odd} }} "#);
        let old = format!(
            "{{\"type\":\"session\",\"id\":\"s\",\"odd\":{odd}}}\n{{ \"type\":\"message\"{fields}}}\n"
        );
        std::fs::write(bench.transcript(), old).unwrap();
        commit(
            &bench.store(),
            &Head::default(),
            at_head(vec![user("and on")]),
        )
        .await
        .unwrap();
        let text = bench.text();
        let expected = format!(
            "{{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"odd\":{odd}}}\n\
             {{ \"type\":\"message\",\"id\":\"00000001\",\"parentId\":null{fields}}}\n"
        );
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[tokio::test]
async fn a_fork_changes_a_parent_and_no_other_byte() {
    for odd in ODD {
        let bench = Bench::new();
        let store = bench.store();
        begun(&store).await;
        let hi = open(&store).await.head.leaf.unwrap().to_string();
        bench.append_raw(
            pi_line(
                "l",
                Some(&hi),
                &serde_json::json!({"type":"label","targetId":"x"}),
            )
            .as_bytes(),
        );
        let below = |parent: &str| {
            format!(
                r#"{{ "odd":{odd},"type":"message" , "id":"m","parentId" : "{parent}", "odd":1,"message":{{"role":"user", "content":{odd}}}}}"#
            )
        };
        bench.append_raw(format!("{}\n", below("l")).as_bytes());
        let session = SessionId::new("forked").unwrap();
        let source = open(&store).await;
        let mut scope = LockScope::open();
        let ask = GuardAsk::side(&session, Phase::SIDE, soon());
        let mut guard = store.guard(&mut scope, ask).await.unwrap();
        store
            .fork(
                &mut guard,
                &source,
                Birth {
                    cwd: "/".into(),
                    ..Birth::default()
                },
            )
            .await
            .unwrap();
        guard.release().await.unwrap();
        let text = std::fs::read_to_string(bench.sessions().join("forked.jsonl")).unwrap();
        assert!(text.ends_with(&format!("\n{}\n", below(&hi))), "{text}");
    }
}

/// Side by side on the last line: nothing is blanked, both are read, and what is appended stands behind both.
#[tokio::test]
async fn entries_that_share_a_line_stay_and_the_next_commit_lands_behind_them() {
    let bench = Bench::new();
    let store = bench.store();
    begun(&store).await;
    let hi = open(&store).await.head.leaf.unwrap().to_string();
    let (one, two) = (
        pi_user("one", Some(&hi), "one"),
        pi_user("two", Some("one"), "two"),
    );
    let shared = format!("{}{two}", one.trim_end());
    bench.append_raw(shared.as_bytes());
    let before = bench.text();
    assert_eq!(said(&store).await, ["hello", "hi", "one", "two"]);
    let base = open(&store).await.head;
    commit(&bench.store(), &base, going_on(vec![assistant("three")]))
        .await
        .unwrap();
    assert!(bench.text().starts_with(&before), "no byte is changed");
    assert_eq!(
        said(&bench.store()).await,
        ["hello", "hi", "one", "two", "three"]
    );
    assert!(open(&bench.store()).await.report.damage.is_empty());
}

/// A whole entry without its newline, and a peer's fragment behind it: the fragment goes, the entry stays.
#[tokio::test]
async fn an_entry_with_a_fragment_behind_it_stays() {
    let bench = Bench::new();
    let store = bench.store();
    begun(&store).await;
    let hi = open(&store).await.head.leaf.unwrap().to_string();
    let one = pi_user("one", Some(&hi), "one");
    bench.append_raw(format!("{}{}", one.trim_end(), &one[..40]).as_bytes());
    let text = bench.text();
    commit(&store, &Head::default(), at_head(vec![user("two")]))
        .await
        .unwrap();
    let blanked = format!("{}{}\n", &text[..text.len() - 40], " ".repeat(40));
    assert!(bench.text().starts_with(&blanked), "{}", bench.text());
    assert_eq!(said(&bench.store()).await, ["hello", "hi", "one", "two"]);
}

/// The last line of a conversation, torn right behind a block, a call, an entry within it: nobody reads what nobody wrote,
/// neither the writer that finds it without a saved head nor pi.
#[tokio::test]
async fn a_torn_line_leaves_no_entry_and_the_conversation_goes_on_where_it_was() {
    let call = r#"{"type":"message","id":"m","parentId":"P","timestamp":"T","message":{"role":"assistant","content":[{"type":"toolCall","id":"c1","name":"ls","arguments":{}}"#;
    let within = r#"{"type":"custom","id":"m","parentId":"P","timestamp":"T","data":{"type":"message","id":"in","parentId":null,"timestamp":"T","message":{"role":"user","content":"x"}}"#;
    for torn in [call, within] {
        let bench = Bench::new();
        begun(&bench.store()).await;
        bench.append_raw(torn.as_bytes());
        std::fs::remove_dir_all(bench.sidecars()).unwrap();
        commit(&bench.store(), &Head::default(), at_head(vec![user("on")]))
            .await
            .unwrap();
        let fresh = bench.store();
        assert_eq!(said(&fresh).await, ["hello", "hi", "on"], "{torn}");
        assert_eq!(said_for_pi(&fresh).await, ["hello", "hi", "on"], "{torn}");
        assert_eq!(
            open(&fresh).await.transcript.entry_count(),
            3,
            "{}",
            bench.text()
        );
    }
}
