//! Out and in again is the same; what is lost is told; nothing makes it panic.

use std::collections::HashMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

#[derive(Default)]
struct Kept(HashMap<BlobId, Vec<u8>>);

impl Kept {
    fn out(&mut self, message: &str, over: u64) -> Option<String> {
        let done = out(message, over, |bytes| {
            let id = BlobId::of(bytes);
            self.0.insert(id, bytes.to_vec());
            Ok::<_, Infallible>(id)
        });
        done.unwrap_or_else(|never| match never {})
    }

    fn back(&self, message: &str, marked: bool) -> (Option<String>, Back) {
        back(message, marked, |reference| {
            self.0.get(&reference.id).cloned().ok_or(BlobLost::Missing)
        })
    }
}

fn any_block() -> impl Strategy<Value = String> {
    let text = "\\PC{0,60}|[a-z\\n\"\\\\]{0,60}";
    (0_u8..4, text, " {0,2}").prop_map(|(what, text, space)| {
        let text = serde_json::Value::from(text);
        match what {
            0 => format!(r#"{{ "type":{space}"text","text":{text}, "odd":1}}"#),
            1 => format!(r#"{{"mimeType":"image/png",{space}"type":"image","data":{text}}}"#),
            2 => format!(r#"{{"type":"thinking","thinking":{text}}}"#),
            _ => format!(r#"{{"type":"toolCall","id":"c","arguments":{{"a":{text}}}}}"#),
        }
    })
}

fn any_message() -> impl Strategy<Value = String> {
    let role = prop::sample::select(vec!["user", "assistant", "toolResult", "custom", "new"]);
    let content = prop_oneof![
        prop::collection::vec(any_block(), 0..5)
            .prop_map(|blocks| format!("[{}]", blocks.join(" , "))),
        "\\PC{0,80}".prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    (role, content, " {0,2}").prop_map(|(role, content, space)| {
        format!(r#"{{"role":"{role}",{space}"content":{space}{content},"details":{{"x":1e999}}}}"#)
    })
}

proptest! {
    #[test]
    fn out_and_in_again_gives_the_same_bytes_and_twice_out_is_once_out(message in any_message(), over in 0_u64..80) {
        let mut kept = Kept::default();
        let Some(moved) = kept.out(&message, over) else {
            prop_assert!(kept.0.is_empty());
            return Ok(());
        };
        prop_assert!(Raw::parse(&moved).is_ok(), "{}", moved);
        prop_assert_eq!(kept.out(&moved, over), None);
        prop_assert_eq!(references(&moved).len() as u64, kept.back(&moved, false).1.pieces);
        let (back, done) = kept.back(&moved, false);
        prop_assert_eq!(back.as_deref(), Some(&*message));
        prop_assert_eq!(done.lost, 0);

        // Nothing is to be had any more: it is told where it stood, and the message is one still.
        let nothing = Kept::default();
        prop_assert_eq!(nothing.back(&moved, false).0, None);
        let (marked, lost) = nothing.back(&moved, true);
        let marked = marked.unwrap_or_default();
        prop_assert!(marked.contains("cannot be had: it is missing") && Raw::parse(&marked).is_ok());
        prop_assert_eq!(lost.lost, done.pieces);
    }

    #[test]
    fn no_message_makes_it_panic(message in "\\PC{0,80}", hash in "[0-9a-g]{62,66}", bytes in any::<i64>(), kind in "block|content|odd", blob in prop::collection::vec(any::<u8>(), 0..20)) {
        let odd = format!(r#"{{"role":"user","content":[{{"type":"text","text":"t","{FIELD}":{{"hash":"{hash}","bytes":{bytes},"kind":"{kind}"}}}}]}}"#);
        for message in [message, odd] {
            let _ = Kept::default().out(&message, 0);
            let (back, _) = back(&message, true, |_| Ok(blob.clone()));
            prop_assert!(back.is_none_or(|back| Raw::parse(&back).is_ok()));
        }
    }
}

#[test]
fn what_is_moved_reads_as_a_short_text_to_whoever_knows_nothing_of_it() {
    let mut kept = Kept::default();
    let long = "line\\n".repeat(1000);
    let message = format!(r#"{{"role":"toolResult","toolCallId":"c","content":"{long}"}}"#);
    let moved = kept.out(&message, 1024).unwrap();
    let view = MessageView::new(Raw::parse(&moved).unwrap()).unwrap();
    assert!(view.text().starts_with("line\nline\n") && view.text().len() < 700);
    assert!(moved.len() < 900, "{moved}");
    let said = format!(r#"{{"role":"user","content":"{long}"}}"#);
    assert_eq!(
        kept.out(&said, 1024),
        None,
        "what people say stays where it is"
    );
}
