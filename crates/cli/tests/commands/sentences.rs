//! What a new user is told who mistypes a name, a unit, a path, a model: each time what to type instead. Whole, word for word.

use crate::bench::Bench;

#[test]
fn a_mistyped_name_is_answered_with_the_name() {
    let bench = Bench::new();
    bench.user_settings("[turn]\nround_max = 5\n");
    let told = bench.run(&["sessions"]).ended_with(78).stderr;
    assert_eq!(
        bench.anywhere(&told),
        r#"error: the settings cannot be used
  x user file "~/.config/latchwork/config.toml" line 2: there is no setting `turn.round_max`; did you mean `turn.rounds_max`?
   ,-[~/.config/latchwork/config.toml:2:1]
 1 | [turn]
 2 | ••• = •••
   : ^^^^|^^^^
   :     `-- here
   `----
  hint: correct the name; `latchwork config show` lists all settings
  hint: `latchwork config explain KEY` says what a setting may be
"#
    );
}

#[test]
fn a_mistyped_unit_is_answered_with_the_units_and_the_range() {
    let bench = Bench::new();
    bench.user_settings("[turn]\nclaim_wait_ms = \"60sec\"\n");
    let told = bench.run(&["sessions"]).ended_with(78).stderr;
    assert_eq!(
        bench.anywhere(&told),
        r#"error: the settings cannot be used
  x user file "~/.config/latchwork/config.toml" line 2: `turn.claim_wait_ms`: unknown unit `sec`; there are: ms, s, min, h, d; it must be milliseconds from 0 to 86400000 (0ms to 1d)
   ,-[~/.config/latchwork/config.toml:2:1]
 1 | [turn]
 2 | claim_wait_ms = "60sec"
   : ^^^^^^^^^^^|^^^^^^^^^^^
   :            `-- here
   `----
  hint: `latchwork config explain KEY` says what a setting may be
"#
    );
}

#[test]
fn a_mistyped_path_or_session_is_answered_with_the_one_beside_it() {
    let bench = Bench::new();
    bench.begun();
    let told = bench.run(&["show", "mian"]).ended_with(1).stderr;
    assert_eq!(
        bench.anywhere(&told),
        "error: session mian does not exist (~/.local/share/latchwork/sessions/mian.jsonl)\n  hint: did you mean `main`?\n  \
         hint: `latchwork sessions` lists what there is\n"
    );
    let told = bench
        .run(&["show", "./recroded.jsonl"])
        .ended_with(1)
        .stderr;
    assert!(
        told.contains("hint: did you mean `./recorded.jsonl`?"),
        "{told}"
    );
}

#[test]
fn a_mistyped_model_is_answered_with_the_provider_that_is_meant() {
    let bench = Bench::new();
    let told = |model: &str| {
        bench
            .run(&["run", "--model", model, "Hello"])
            .ended_with(78)
            .stderr
    };
    assert_eq!(
        told("opnai/gpt-5"),
        "error: there is no provider \"opnai\"; known are openai, and replay:FILE; models.opnai.base_url sets one up\n  \
         hint: did you mean `openai/gpt-5`?\n"
    );
    assert!(told("gpt-5").contains("hint: if it is a model of OpenAI's, write `openai/gpt-5`"));
}

#[test]
fn a_check_finds_what_others_find_only_when_they_need_it() {
    let bench = Bench::new();
    bench.user_settings("session = \"a\"\nmodel = \"opanai/gpt-5\"\n");
    let told = bench.run(&["config", "check"]).ended_with(78).stderr;
    assert_eq!(
        bench.anywhere(&told),
        r#"error: the settings cannot be used
  x user file "~/.config/latchwork/config.toml" line 2: `model`: there is no such provider; did you mean `openai/gpt-5`?; known are openai, and replay:FILE; models.NAME.base_url sets one up
   ,-[~/.config/latchwork/config.toml:2:1]
 1 | session = "•••"
 2 | model = "•••/•••"
   : ^^^^^^^^|^^^^^^^^
   :         `-- here
   `----
  hint: `latchwork config explain KEY` says what a setting may be
"#
    );
    bench.run(&["sessions"]).ended_with(0);
    for (text, words) in [
        (
            "log = \"debgu\"",
            "line 1: `log`: number 1 of its parts is no filter of logs; did you mean `debug`?",
        ),
        (
            "[tools]\ntools = [\"read\", \"bahs\"]",
            "line 2: `tools.tools`: number 2 of the list is no tool; did you mean `bash`?",
        ),
    ] {
        bench.user_settings(text);
        for args in [&["config", "check"][..], &["sessions"]] {
            let told = bench.run(args).ended_with(78).stderr;
            assert!(told.contains(words), "{args:?}: {told}");
        }
    }
    for (key, value) in [("log", "debgu"), ("tools.tools", "bahs")] {
        bench.user_settings("");
        let told = bench
            .run(&["config", "set", key, value])
            .ended_with(78)
            .stderr;
        assert!(
            told.contains("did you mean") && told.contains("nothing was changed"),
            "{told}"
        );
    }
    let told = bench
        .run(&["config", "set", "model", "opanai/x"])
        .ended_with(0)
        .stderr;
    assert!(
        told.starts_with("warning: ") && told.contains("did you mean `openai/x`?"),
        "{told}"
    );
    let told = bench.run(&["doctor", "--json"]).stdout;
    assert!(told.contains("did you mean `openai/x`?"), "{told}");
}

#[test]
fn a_mistyped_recording_is_answered_with_the_one_beside_it() {
    let bench = Bench::new();
    bench.begun();
    let told = bench
        .run(&["run", "--model", "replay:recroded.jsonl", "Hello"])
        .ended_with(1)
        .stderr;
    assert!(
        told.contains("hint: did you mean `recorded.jsonl`?"),
        "{told}"
    );
}
