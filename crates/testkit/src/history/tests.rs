//! The judge, shown to see each way of being wrong.

use serde_json::{Value, json};

use super::{Case, Image, Story, Survives, Told};

const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;

fn body(nonce: &str) -> String {
    format!(r#"{{"role":"user","content":"x","nonce":"{nonce}"}}"#)
}

fn entry(id: &str, parent: Option<&str>, nonce: &str) -> String {
    let parent = parent.map_or("null".to_owned(), |parent| format!("\"{parent}\""));
    format!(
        "{{\"type\":\"message\",\"id\":\"{id}\",\"parentId\":{parent},\"timestamp\":\"t\",\"latchwork\":{{}},\"message\":{}}}\n",
        body(nonce)
    )
}

fn file(lines: &[String]) -> Image {
    Image {
        transcript: Some(format!("{HEADER}\n{}", lines.concat()).into_bytes()),
        ..Image::default()
    }
}

/// Two calls of one entry each, one after the other, both done and acknowledged as durable.
fn events() -> Vec<Value> {
    let sent = |nonce: &str| json!([{ "nonce": nonce, "body": body(nonce), "key": null }]);
    vec![
        json!({ "t": 1, "call": "c1", "entries": sent("c1.0") }),
        json!({ "t": 2, "done": "c1", "placed": [{ "id": "a", "new": true }] }),
        json!({ "t": 3, "ack": "c1", "level": "device" }),
        json!({ "t": 4, "call": "c2", "entries": sent("c2.0") }),
        json!({ "t": 5, "done": "c2", "placed": [{ "id": "b", "new": true }] }),
        json!({ "t": 6, "ack": "c2", "level": "process" }),
    ]
}

fn good() -> Vec<String> {
    vec![entry("a", None, "c1.0"), entry("b", Some("a"), "c2.0")]
}

struct Scene {
    planted: Image,
    before: Option<Image>,
    events: Vec<Value>,
    survives: Survives,
    until: u64,
    settled: bool,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            planted: Image::default(),
            before: None,
            events: events(),
            survives: Survives::Process,
            until: u64::MAX,
            settled: true,
        }
    }
}

impl Scene {
    fn broken(self, now: &Image) -> Vec<String> {
        let story = Story::of(self.events);
        let told = [Told {
            story: &story,
            until: self.until,
            survives: self.survives,
        }];
        let case = Case {
            planted: &self.planted,
            before: self.before.as_ref(),
            now,
            told: &told,
            settled: self.settled,
            reported: None,
        };
        case.broken()
    }

    #[track_caller]
    fn breaks(self, invariant: &str, now: &Image) {
        let broken = self.broken(now);
        assert!(
            broken.iter().any(|what| what.starts_with(invariant)),
            "{invariant}: {broken:?}"
        );
    }

    #[track_caller]
    fn holds(self, now: &Image) {
        assert_eq!(self.broken(now), Vec::<String>::new());
    }
}

#[test]
fn what_was_told_and_is_there_breaks_nothing() {
    Scene::default().holds(&file(&good()));
    let keyed = |place: u32| {
        entry("a", None, "c1.0")
            .replace(
                "\"latchwork\":{}",
                &format!("\"latchwork\":{{\"key\":\"k\",\"placement\":{place}}}"),
            )
            .replace(
                "\"nonce\":\"c1.0\"}",
                "\"nonce\":\"c1.0\",\"idempotencyKey\":\"k\"}",
            )
    };
    let mut events = events();
    events[0]["entries"][0]["key"] = "k".into();
    let again = keyed(2).replace("\"id\":\"a\"", "\"id\":\"c\"");
    let lines = [keyed(1), entry("b", Some("a"), "c2.0"), again];
    Scene {
        events,
        ..Scene::default()
    }
    .holds(&file(&lines));
}

#[test]
fn an_acknowledged_entry_that_is_missing_breaks_the_first_invariant_for_the_faults_that_its_level_covers()
 {
    let lost = file(&[entry("b", None, "c2.0")]);
    Scene::default().breaks("I-T1", &lost);
    Scene {
        survives: Survives::Device,
        ..Scene::default()
    }
    .breaks("I-T1", &lost);
    // Acknowledged for the process only, or not yet.
    let only_first = file(&good()[..1]);
    Scene {
        survives: Survives::Device,
        ..Scene::default()
    }
    .holds(&only_first);
    Scene::default().breaks("I-T1", &only_first);
    Scene {
        until: 4,
        ..Scene::default()
    }
    .holds(&only_first);
    let events = vec![
        json!({ "t": 1, "accept": "i", "key": "k", "body": body("k") }),
        json!({ "t": 2, "accepted": "i" }),
        json!({ "t": 3, "fork": "f", "to": "other" }),
        json!({ "t": 4, "forked": "f" }),
    ];
    let kept = Image {
        inbox: format!(
            "\n{{\"type\":\"accepted\",\"key\":\"k\",\"message\":{}}}\n",
            body("k")
        )
        .into_bytes(),
        others: vec![("other".to_owned(), format!("{HEADER}\n").into_bytes())],
        ..file(&[])
    };
    Scene {
        events: events.clone(),
        ..Scene::default()
    }
    .holds(&kept);
    let without_inbox = Image {
        inbox: Vec::new(),
        ..kept.clone()
    };
    Scene {
        events: events.clone(),
        ..Scene::default()
    }
    .breaks("I-T1", &without_inbox);
    let without_fork = Image {
        others: Vec::new(),
        ..kept
    };
    Scene {
        events,
        ..Scene::default()
    }
    .breaks("I-T1", &without_fork);
}

#[test]
fn an_entry_that_nobody_sent_or_that_is_not_what_was_sent_breaks_the_second() {
    let mut lines = good();
    lines.push(entry("c", Some("b"), "c3.0"));
    Scene::default().breaks("I-T2", &file(&lines));
    // As a torn tool call is "rescued": an object with an id and a type, of which nobody said anything.
    lines[2] =
        "{\"type\":\"toolCall\",\"id\":\"c\",\"name\":\"ls\",\"parentId\":null}\n".to_owned();
    Scene::default().breaks("I-T2", &file(&lines));
    let changed = good()[1].replace("\"x\"", "\"y\"");
    Scene::default().breaks("I-T2", &file(&[good()[0].clone(), changed]));
    // What was sent later than the fault.
    Scene {
        until: 3,
        ..Scene::default()
    }
    .breaks("I-T2", &file(&good()));
}

#[test]
fn what_stands_twice_breaks_the_third() {
    let mut lines = good();
    lines.push(entry("b", Some("a"), "c2.0"));
    Scene::default().breaks("I-T3", &file(&lines));
    lines[2] = entry("c", Some("b"), "c2.0");
    Scene::default().breaks("I-T3", &file(&lines));
}

#[test]
fn a_later_call_before_an_earlier_one_breaks_the_fourth() {
    let lines = [entry("b", None, "c2.0"), entry("a", Some("b"), "c1.0")];
    Scene::default().breaks("I-T4", &file(&lines));
}

#[test]
fn lines_that_do_not_read_and_a_torn_tail_break_the_fifth_unless_they_were_planted_or_nobody_came_yet()
 {
    let torn = file(&[good().concat(), "{\"type\":\"mess".to_owned()]);
    Scene::default().breaks("I-T5", &torn);
    Scene {
        settled: false,
        ..Scene::default()
    }
    .holds(&torn);
    let unended = file(&[good().concat().trim_end().to_owned()]);
    Scene::default().breaks("I-T5", &unended);
    let damage = "{\"type\":\"mess\n".to_owned();
    let damaged = file(&[damage.clone(), good().concat()]);
    Scene::default().breaks("I-T5", &damaged);
    Scene {
        planted: file(&[damage]),
        ..Scene::default()
    }
    .holds(&damaged);
    for space in ["\u{c}\n", "\u{a0}\u{feff}\n", "\r\n"] {
        Scene::default().holds(&file(&[good().concat(), space.to_owned()]));
    }
    Scene::default().breaks("I-T5", &file(&[good().concat(), "\u{b}\n".to_owned()]));
    let headless = Image {
        transcript: Some(good().concat().into_bytes()),
        ..Image::default()
    };
    Scene::default().breaks("I-T5", &headless);
}

#[test]
fn a_parent_that_stands_later_or_nowhere_breaks_the_sixth() {
    Scene::default().breaks(
        "I-T6",
        &file(&[entry("a", Some("b"), "c1.0"), entry("b", Some("a"), "c2.0")]),
    );
    Scene::default().breaks(
        "I-T6",
        &file(&[entry("a", None, "c1.0"), entry("b", Some("x"), "c2.0")]),
    );
}

#[test]
fn bytes_that_are_gone_or_changed_break_the_seventh_and_blanks_without_a_copy_the_ninth() {
    let before = file(&[good().concat(), "{\"type\":\"mess".to_owned()]);
    let at = format!("{HEADER}\n{}", good().concat()).len();
    let blank = file(&[good().concat(), format!("{}\n", " ".repeat(13))]);
    let with = |quarantine: Vec<(String, Vec<u8>)>| Image {
        quarantine,
        ..blank.clone()
    };
    let scene = || Scene {
        before: Some(before.clone()),
        ..Scene::default()
    };
    scene().holds(&with(vec![(
        format!("at-{at}-00-ab.bin"),
        b"{\"type\":\"mess".to_vec(),
    )]));
    scene().breaks("I-T9", &with(Vec::new()));
    scene().breaks(
        "I-T9",
        &with(vec![(
            format!("at-{at}-00-ab.bin"),
            b"{\"type\":\"mes".to_vec(),
        )]),
    );
    scene().breaks("I-T7", &file(&good()));
    let peer =
        r#"{"type":"message","id":"p","parentId":"b","message":{"role":"user","content":"p"}}"#;
    let mut told = events();
    told.push(json!({ "t": 7, "peer": "p", "line": peer }));
    Scene {
        events: told.clone(),
        ..Scene::default()
    }
    .breaks("I-T7", &file(&good()));
    Scene {
        events: told,
        ..Scene::default()
    }
    .holds(&file(&[good().concat(), format!("{peer}\n")]));
}

#[test]
fn an_old_version_that_is_not_kept_or_lost_a_message_breaks_the_ninth_or_the_seventh() {
    let old = "{\"type\":\"session\",\"id\":\"s\"}\n{\"type\":\"message\",\"message\":{\"role\":\"user\",\"content\":\"old\"}}\n";
    let planted = Image {
        transcript: Some(old.as_bytes().to_vec()),
        ..Image::default()
    };
    let migrated = "{\"type\":\"message\",\"id\":\"o\",\"parentId\":null,\"message\":{\"role\":\"user\",\"content\":\"old\"}}\n".to_owned();
    let kept = vec![("original-01.jsonl".to_owned(), old.as_bytes().to_vec())];
    let scene = || Scene {
        planted: planted.clone(),
        events: Vec::new(),
        ..Scene::default()
    };
    scene().holds(&Image {
        quarantine: kept.clone(),
        ..file(std::slice::from_ref(&migrated))
    });
    scene().breaks("I-T9", &file(&[migrated]));
    scene().breaks(
        "I-T7",
        &Image {
            quarantine: kept,
            ..file(&[])
        },
    );
}

#[test]
fn a_cut_loses_and_damages_nothing_that_stands_before_what_was_durable() {
    let cut = |events: Vec<Value>| Scene {
        events,
        survives: Survives::Device,
        settled: false,
        ..Scene::default()
    };
    let unsynced = || {
        let mut told = events();
        told.remove(2);
        told
    };
    let damage = "\0\0\0\n".to_owned();
    let hanging = entry("b", Some("lost"), "c2.0");
    // Behind what was made durable a line may be lost, and its child be there.
    let behind = file(&[good()[0].clone(), damage.clone(), hanging.clone()]);
    cut(events()).holds(&behind);
    // So, too, if what was lost hung behind a whole entry and is blanked by now.
    let blanked = format!("{}     \n", good()[0].trim_end());
    cut(events()).holds(&file(&[blanked, hanging.clone()]));
    cut(events()).breaks("I-T6", &file(&[good()[0].clone(), hanging.clone()]));
    // Before it nothing may; where nothing was made durable, anything.
    let lines = [damage.clone(), entry("a", Some("lost"), "c1.0"), hanging];
    cut(unsynced()).holds(&file(&lines));
    cut(events()).breaks("I-T6", &file(&lines));
    cut(events()).breaks("I-T5", &file(&[damage, good().concat()]));
}

#[test]
fn a_rewrite_may_copy_each_entry_once_and_what_it_placed_must_be_there() {
    let mut told = events();
    let sent = json!([{ "nonce": "w.0", "body": body("w.0"), "key": null }]);
    told.push(json!({ "t": 7, "call": "w", "entries": sent, "anew": "rewrite" }));
    let placed = json!([{ "id": "c", "new": true }, { "id": "d", "new": true }]);
    told.push(json!({ "t": 8, "done": "w", "placed": placed }));
    let scene = || Scene {
        events: told.clone(),
        ..Scene::default()
    };
    let mut lines = good();
    lines.extend([entry("c", None, "w.0"), entry("d", Some("c"), "c2.0")]);
    scene().holds(&file(&lines));
    scene().breaks("I-T1", &file(&lines[..3]));
    lines.push(entry("e", Some("d"), "c2.0"));
    scene().breaks("I-T3", &file(&lines));
    // Without a rewrite nothing is copied.
    Scene::default().breaks(
        "I-T3",
        &file(&[good(), vec![entry("d", Some("a"), "c2.0")]].concat()),
    );
}

#[test]
fn a_repair_may_write_the_file_anew_where_every_byte_of_before_is_in_an_original() {
    let damaged = file(&["{\"type\":\"mess\n".to_owned(), good().concat()]);
    let original = damaged.transcript.clone().unwrap();
    let mut told = events();
    told.push(json!({ "t": 7, "call": "r", "entries": [], "anew": "repair" }));
    let scene = |events: Vec<Value>| Scene {
        planted: damaged.clone(),
        before: Some(damaged.clone()),
        events,
        ..Scene::default()
    };
    let kept = |bytes: &[u8]| Image {
        quarantine: vec![("original-01.jsonl".to_owned(), bytes.to_vec())],
        ..file(&good())
    };
    scene(told.clone()).holds(&kept(&original));
    scene(told.clone()).breaks("I-T7", &file(&good()));
    scene(told.clone()).breaks("I-T7", &kept(&original[..original.len() - 9]));
    scene(events()).breaks("I-T7", &kept(&original));
    // A peer's line that it left out is kept, or it is gone.
    let peer =
        r#"{"type":"message","id":"p","parentId":"b","message":{"role":"user","content":"p"}}"#;
    told.push(json!({ "t": 8, "peer": "p", "line": peer }));
    scene(told.clone()).breaks("I-T7", &kept(&original));
    let mut late = kept(&original);
    let line = format!("{peer}\n").into_bytes();
    late.quarantine.push(("late-02.jsonl".to_owned(), line));
    scene(told).holds(&late);
}

#[test]
fn a_reader_that_saw_another_end_breaks_the_eighth() {
    let through = format!("{HEADER}\n{}", good()[0]).len();
    let mut told = events();
    told.push(json!({ "t": 7, "read": through, "last": "a" }));
    Scene {
        events: told.clone(),
        ..Scene::default()
    }
    .holds(&file(&good()));
    told.push(json!({ "t": 8, "read": through, "last": "b" }));
    Scene {
        events: told,
        ..Scene::default()
    }
    .breaks("I-T8", &file(&good()));
}

#[test]
fn what_was_refused_and_is_there_breaks_the_tenth_and_so_does_the_end_of_what_was_cut_off() {
    let mut told = events();
    told[4] = json!({ "t": 5, "failed": "c2", "unknown": false });
    told.truncate(5);
    Scene {
        events: told.clone(),
        ..Scene::default()
    }
    .breaks("I-T10", &file(&good()));
    told[4]["unknown"] = true.into();
    Scene {
        events: told.clone(),
        ..Scene::default()
    }
    .holds(&file(&good()));
    told.truncate(4);
    let more = json!({ "nonce": "c2.1", "body": body("c2.1"), "key": null });
    told[3]["entries"].as_array_mut().unwrap().push(more);
    let end_only = [entry("a", None, "c1.0"), entry("b", Some("a"), "c2.1")];
    Scene {
        events: told.clone(),
        ..Scene::default()
    }
    .breaks("I-T10", &file(&end_only));
    Scene {
        events: told,
        ..Scene::default()
    }
    .holds(&file(&good()));
}

#[test]
fn half_a_surrogate_pair_and_a_fragment_in_a_log_are_read() {
    assert!(super::image::value(br#"{"a":"\ud800","b":"\u00e9"}"#).is_some());
    assert!(super::image::value(br#"{"a":"\ud8"#).is_none());
    assert_eq!(
        Story::events(b"\n{\"t\":1}\n\n{\"t\"\n{\"t\":2}\n").len(),
        2
    );
}
