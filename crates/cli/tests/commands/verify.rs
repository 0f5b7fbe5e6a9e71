//! `latchwork verify` and `latchwork repair`: what is wrong is said, a sound one made of the rest, and nothing is thrown away.

use std::path::PathBuf;

use crate::bench::Bench;

/// A session whose second of four entries is lost and whose last line is cut off.
fn damaged(bench: &Bench) -> PathBuf {
    let entry = |id: &str, parent: &str| {
        format!(
            r#"{{"type":"message","id":"{id}","parentId":{parent},"timestamp":"2026-01-01T00:00:00.000Z","message":{{"role":"user","content":"said {id}"}}}}"#
        ) + "\n"
    };
    let header = "{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/\"}\n";
    let text = [
        header,
        &entry("a", "null"),
        "\0\0\0\0\0\n",
        &entry("c", "\"b\""),
        &entry("d", "\"c\""),
        "{\"type\":\"mess",
    ]
    .concat();
    bench.write("s.jsonl", &text)
}

#[test]
fn a_damaged_transcript_is_told_of_repaired_and_kept_and_the_repaired_one_is_sound() {
    let bench = Bench::new();
    let path = damaged(&bench);
    let before = std::fs::read(&path).unwrap();
    let verified = bench
        .run(&["verify", "./s.jsonl", "--json"])
        .ended_with(65)
        .json();
    assert_eq!(
        (verified["sound"].as_bool(), verified["entries"].as_u64()),
        (Some(false), Some(3))
    );
    let flaws = verified["flaws"].as_array().unwrap();
    assert_eq!(flaws.len(), 3, "{flaws:?}");
    assert!(
        flaws[0]
            .as_str()
            .unwrap()
            .starts_with("line 3 (5 bytes at "),
        "{flaws:?}"
    );
    assert_eq!(
        std::fs::read(&path).unwrap(),
        before,
        "looking changes nothing"
    );

    let repaired = bench
        .run(&["repair", "./s.jsonl", "--json"])
        .ended_with(0)
        .json();
    assert_eq!(
        (&repaired["leftOut"], &repaired["gaps"], &repaired["mended"]),
        (&2.into(), &1.into(), &1.into())
    );
    let kept = std::fs::read(bench.path(repaired["keptIn"].as_str().unwrap())).unwrap();
    assert_eq!(kept, before);
    let sound = bench.run(&["verify", "./s.jsonl"]).ended_with(0).stdout;
    assert!(sound.ends_with("sound\n"), "{sound}");
    let shown = bench
        .run(&["show", "./s.jsonl", "--json"])
        .ended_with(0)
        .stdout;
    for said in ["said a", "said c", "said d"] {
        assert!(shown.contains(said), "{shown}");
    }
    let again = bench.run(&["repair", "./s.jsonl"]).ended_with(0).stdout;
    assert!(again.contains("nothing is wrong"), "{again}");
    let tree = bench
        .run(&["show", "./s.jsonl", "--tree"])
        .ended_with(0)
        .stdout;
    assert!(tree.contains("latchwork.gap"), "{tree}");
}

#[test]
fn a_newer_version_and_a_session_that_is_not_there_are_refused_in_words() {
    let bench = Bench::new();
    let newer = "{\"type\":\"session\",\"version\":9,\"id\":\"s\",\"timestamp\":\"t\",\"cwd\":\"/\"}\nrubbish\n";
    let path = bench.write("n.jsonl", newer);
    let told = bench.run(&["repair", "./n.jsonl"]).ended_with(1).stderr;
    assert!(told.contains("version 9"), "{told}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), newer);
    let told = bench.run(&["verify", "nobody"]).ended_with(1).stderr;
    assert!(told.contains("does not exist"), "{told}");
}
