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
