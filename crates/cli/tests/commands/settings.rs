//! The command line and the settings: what is refused, with which number, in which words.

use crate::bench::Bench;

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2_and_help_with_0() {
    let bench = Bench::new();
    for wrong in [
        &["fly"][..],
        &["run", "--wait", "soon"],
        &["run", "--queue"],
        &["show"],
        &["rewind", "main"],
        &["run", " "],
        &["run", "-"],
    ] {
        let refused = bench.run(wrong).ended_with(2);
        assert!(
            refused.stdout.is_empty() && refused.stderr.starts_with("error: "),
            "{wrong:?}: {}",
            refused.stderr
        );
    }
    let help = bench.run(&["--help"]).ended_with(0).stdout;
    for word in [
        "130  interrupted",
        "LATCHWORK_MODEL",
        "OPENAI_API_KEY",
        "/etc/latchwork/config.toml",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
    assert!(
        bench
            .run(&["--version"])
            .ended_with(0)
            .stdout
            .starts_with("latchwork ")
    );
}

#[test]
fn without_a_model_nothing_is_accepted_and_both_ways_out_are_named() {
    let bench = Bench::new();
    let refused = bench.run(&["run", "Hello"]).ended_with(78);
    for word in [
        "error: no model is set",
        "hint: ",
        "--model PROVIDER/MODEL",
        "replay:FILE",
    ] {
        assert!(
            refused.stderr.contains(word),
            "{word} in {}",
            refused.stderr
        );
    }
    assert_eq!(bench.run(&["sessions", "--json"]).ended_with(0).stdout, "");
    for (model, code) in [
        ("openai/", 2),
        ("openai", 78),
        ("replay:nowhere.jsonl", 1),
        ("nobody/x", 78),
    ] {
        let refused = bench
            .run(&["run", "--model", model, "Hello"])
            .ended_with(code);
        assert!(refused.stderr.starts_with("error: "), "{}", refused.stderr);
    }
}

#[test]
fn settings_come_from_files_variables_and_flags_and_a_slip_is_named_with_its_line() {
    let bench = Bench::new();
    let model = bench.model(&["By a file."], "instant");
    bench.user_settings(&format!("session = \"diary\"\nmodel = \"{model}\"\n"));
    assert_eq!(
        bench.run(&["run", "Hello"]).ended_with(0).stdout,
        "By a file.\n"
    );
    let sessions = bench.run(&["sessions", "--json"]).ended_with(0).json();
    assert_eq!(sessions["session"], "diary");
    let mut command = bench.command(&["sessions"]);
    let warned = crate::bench::finish(command.env("LATCHWORK_MODLE", "x").spawn().unwrap(), "")
        .ended_with(0);
    assert!(
        warned.stderr.contains("did you mean `LATCHWORK_MODEL`?"),
        "{}",
        warned.stderr
    );
    bench.user_settings("\nmodle = \"x\"\n");
    let refused = bench.run(&["sessions"]).ended_with(78);
    assert!(
        refused.stderr.contains("line 2") && refused.stderr.contains("did you mean `model`?"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_project_may_not_lead_a_key_astray() {
    let bench = Bench::new();
    bench.write(
        ".latchwork.toml",
        "[models.openai]\nbase_url = \"https://elsewhere.example/v1\"\n",
    );
    let refused = bench.run(&["sessions"]).ended_with(78);
    assert!(
        refused
            .stderr
            .contains("`models.openai.base_url`: a project may not set this"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_home_is_needed_for_keys_alone() {
    let bench = Bench::new();
    let bare = |args: &[&str]| {
        let mut command = bench.command(args);
        crate::bench::finish(command.env_clear().spawn().unwrap(), "")
    };
    let refused = bare(&["show", "main"]).ended_with(78);
    assert!(
        refused.stderr.contains("LATCHWORK_HOME"),
        "{}",
        refused.stderr
    );
    let path = bench.path("talk.jsonl");
    let model = bench.model(&["Here."], "instant");
    let path = path.to_str().unwrap();
    assert_eq!(
        bare(&["run", "--file", path, "--model", &model, "Where?"])
            .ended_with(0)
            .stdout,
        "Here.\n"
    );
}
