//! `latchwork config`: what holds, where it comes from, whether it can be used; and setting it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::bench::{Bench, finish};

#[test]
fn what_holds_is_shown_with_the_file_the_line_the_variable_that_it_comes_from() {
    let bench = Bench::new();
    bench.user_settings("session = \"diary\"\n[store.locks]\nmax_hold_ms = \"5min\"\n");
    bench.write(".latchwork.yaml", "turn:\n  token_budget: 9000\n");
    let mut command = bench.command(&["config", "show", "--origins", "--json"]);
    let shown = finish(
        command
            .env("LATCHWORK_CLAIM_WAIT_MS", "2s")
            .spawn()
            .unwrap(),
        "",
    );
    let shown = shown.ended_with(0).json();
    let origin = |key: &str, part: &str| shown[key]["origin"][part].clone();
    assert_eq!(shown["store.locks.max_hold_ms"]["value"], 300_000);
    assert_eq!(origin("store.locks.max_hold_ms", "layer"), "user file");
    assert_eq!(origin("store.locks.max_hold_ms", "line"), 3);
    assert_eq!(origin("turn.token_budget", "layer"), "project file");
    assert_eq!(
        origin("turn.claim_wait_ms", "variable"),
        "LATCHWORK_CLAIM_WAIT_MS"
    );
    assert_eq!(shown["turn.claim_wait_ms"]["value"], 2_000);
    assert_eq!(origin("turn.ledger", "layer"), "defaults");
    let plain = bench
        .run(&["config", "show", "--origins"])
        .ended_with(0)
        .stdout;
    assert!(
        plain.contains("session = \"diary\"  # user file \"")
            && plain.contains("config.toml\" line 1"),
        "{plain}"
    );
}

#[test]
fn one_setting_is_explained_with_what_it_shadows_and_what_it_may_be() {
    let bench = Bench::new();
    bench.user_settings("[store.locks]\nmax_hold_ms = 9000\n");
    let mut command = bench.command(&["config", "explain", "store.locks.max_hold_ms"]);
    let told = finish(
        command.env("LATCHWORK_MAX_HOLD_MS", "70s").spawn().unwrap(),
        "",
    );
    let told = bench.anywhere(&told.ended_with(0).stdout);
    assert_eq!(
        told,
        "store.locks.max_hold_ms = 70000\n  how long a guard may be held before it is revoked\n  \
         from      environment variable LATCHWORK_MAX_HOLD_MS\n  \
         shadows   9000 (user file \"~/.config/latchwork/config.toml\" line 2)\n  \
         shadows   300000 (defaults)\n  \
         may be    milliseconds from 1000 to 2147000000 (1s to 2147000s)\n  \
         variable  LATCHWORK_MAX_HOLD_MS\n  a change  holds after a restart\n  since     0.1.0\n"
    );
    let json = bench.run(&["config", "explain", "models.local.key", "--json"]);
    assert_eq!(json.ended_with(0).json()["holds"], Value::Null);
    let refused = bench
        .run(&["config", "explain", "turn.round_max"])
        .ended_with(2);
    assert!(
        refused.stderr.contains("did you mean `turn.rounds_max`?"),
        "{}",
        refused.stderr
    );
}

#[test]
fn everything_wrong_is_told_at_once_and_nothing_wrong_is_told_too() {
    let bench = Bench::new();
    assert!(
        bench
            .run(&["config", "check"])
            .ended_with(0)
            .stdout
            .contains("no settings file")
    );
    let path = bench.write(
        "other.json5",
        "{ turn: { rounds_max: 0, round_max: 1,\n ledger: 'no' } }",
    );
    let refused = bench
        .run(&["config", "check", path.to_str().unwrap()])
        .ended_with(78);
    for part in [
        "3 things are wrong",
        "`turn.rounds_max` must be a whole number from 1 to 100000, but is 0",
        "did you mean `turn.rounds_max`?",
        "line 2: `turn.ledger` must be a boolean, but is a text",
    ] {
        assert!(
            refused.stderr.contains(part),
            "{part} in {}",
            refused.stderr
        );
    }
    fs::write(&path, "{ turn: { rounds_max: 1 } }").unwrap();
    bench
        .run(&["config", "check", path.to_str().unwrap()])
        .ended_with(0);
    bench
        .run(&["config", "check", "nowhere.toml"])
        .ended_with(1);
}

#[test]
fn what_is_set_is_what_is_shown_and_the_rest_of_the_file_stays() {
    let bench = Bench::new();
    let file = bench.user_settings_in(
        "config.toml",
        "# mine\nsession = 'a' # every day\n\n[turn]\nledger = true\n",
    );
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    for (key, value, shown) in [
        ("session", "diary", json!("diary")),
        ("turn.rounds_max", "7", json!(7)),
        ("turn.claim_wait_ms", "90s", json!(90_000)),
        ("tools.tools", "read", json!(["read"])),
        ("models.local.base_url", "http://l/v1", json!("http://l/v1")),
        ("turn.ledger", "false", json!(false)),
    ] {
        bench.run(&["config", "set", key, value]).ended_with(0);
        let all = bench
            .run(&["config", "show", "--json"])
            .ended_with(0)
            .json();
        assert_eq!(all[key], shown, "{key}");
    }
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("# mine\nsession = \"diary\" # every day\n\n[turn]\nledger = false\n"),
        "{text}"
    );
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );
    let folder = fs::read_dir(file.parent().unwrap()).unwrap();
    assert_eq!(folder.count(), 1, "nothing is left beside it");
}

#[test]
fn what_would_not_be_understood_is_not_set_and_the_file_is_not_touched() {
    let bench = Bench::new();
    let text = "session = 'a'\nodd = 1\n";
    let file = bench.user_settings_in("config.toml", text);
    for (args, code, words) in [
        (["turn.rounds_max", "-5"], 78, "from 1 to 100000"),
        (["turn.claim_wait_ms", "60sec"], 78, "unknown unit `sec`"),
        (["store.locks.peer_lock", "seldom"], 78, "must be one of"),
        (
            ["models.openai.key", "sk-canary"],
            78,
            "a secret is not written into settings",
        ),
        (
            ["turn.round_max", "5"],
            2,
            "did you mean `turn.rounds_max`?",
        ),
        (
            ["models.openai.headers", "x"],
            2,
            "models.openai.headers.NAME",
        ),
    ] {
        let refused = bench
            .run(&["config", "set", args[0], args[1]])
            .ended_with(code);
        assert!(
            refused.stderr.contains(words),
            "{words} in {}",
            refused.stderr
        );
        assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    bench
        .run(&["config", "set", "turn.rounds_max", "5"])
        .ended_with(0);
    assert!(
        fs::read_to_string(&file).unwrap().contains("odd = 1"),
        "what was wrong before stays"
    );
}

#[test]
fn where_there_is_no_file_one_is_made_that_is_private_and_one_of_another_format_is_left_alone() {
    let bench = Bench::new();
    bench.run(&["config", "set", "session", "x"]).ended_with(0);
    let path = bench
        .run(&["config", "path", "--json"])
        .ended_with(0)
        .json_lines();
    assert_eq!(path[1]["exists"], true);
    let file = path[1]["file"].as_str().unwrap();
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::remove_file(file).unwrap();
    bench.user_settings_in("config.json5", "{ session: 'y' }");
    let refused = bench.run(&["config", "set", "session", "x"]).ended_with(78);
    assert_eq!(
        bench.anywhere(&refused.stderr),
        "error: ~/.config/latchwork/config.json5 is not TOML, and only TOML is changed from here\n  \
         hint: write it there by hand: \"session\": VALUE\n  hint: `latchwork config check` says whether it can be used then\n"
    );
    assert_eq!(
        bench
            .run(&["config", "show", "--json"])
            .ended_with(0)
            .json()["session"],
        "y"
    );
}

#[test]
fn a_link_to_the_settings_stays_a_link() {
    let bench = Bench::new();
    let real = bench.write("dotfiles/latchwork.toml", "session = 'a'\n");
    let link = bench.user_settings_in("config.toml", "");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    bench.run(&["config", "set", "session", "b"]).ended_with(0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "session = \"b\"\n");
}

#[test]
fn files_and_homes_that_others_may_write_are_refused_by_name_with_the_way_out() {
    let bench = Bench::new();
    let file = bench.user_settings_in("config.toml", "session = 'a'\n");
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let refused = bench.run(&["sessions"]).ended_with(78).stderr;
    assert!(
        refused.contains(&format!("chmod go-w {}", file.display())),
        "{refused}"
    );
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    bench.run(&["sessions"]).ended_with(0);
    let home = bench.path("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, Permissions::from_mode(0o777)).unwrap();
    let mut command = bench.command(&["sessions"]);
    let refused = finish(command.env("LATCHWORK_HOME", &home).spawn().unwrap(), "").ended_with(78);
    let way_out = format!("chmod go-w {}", home.display());
    assert!(refused.stderr.contains(&way_out), "{}", refused.stderr);
}

#[test]
fn an_openclaw_home_tunes_the_locks_and_what_cannot_be_obeyed_there_is_a_warning() {
    let bench = Bench::new();
    let file = bench.write(
        "claw/openclaw.json",
        "{\n  // theirs\n  session: { writeLock: { acquireTimeoutMs: 400000, maxHoldMs: -1 } },\n  gateway: {},\n}\n",
    );
    let home = file.parent().unwrap().join("agents/main");
    let mut command = bench.command(&["config", "explain", "store.locks.acquire_timeout_ms"]);
    let told = finish(command.env("LATCHWORK_HOME", &home).spawn().unwrap(), "").ended_with(0);
    assert!(
        told.stdout.contains("= 400000") && told.stdout.contains("openclaw.json\" line 3"),
        "{}",
        told.stdout
    );
    assert!(
        told.stderr.contains(
            "`session.writeLock.maxHoldMs` is ignored: it must be milliseconds from 1000"
        ),
        "{}",
        told.stderr
    );
}

#[test]
fn the_schema_is_one_json_value() {
    let schema = Bench::new().run(&["config", "schema"]).ended_with(0).json();
    assert_eq!(
        schema.pointer("/properties/turn/properties/rounds_max/minimum"),
        Some(&json!(1))
    );
}

#[test]
fn what_cannot_be_set_in_json5_and_yaml_is_told_as_it_is_written_there() {
    for (name, text) in [
        ("config.json5", "{ session: 'y' }"),
        ("config.yaml", "session: y\n"),
    ] {
        let bench = Bench::new();
        let file = bench.user_settings_in(name, text);
        let told = bench
            .run(&["config", "set", "turn.rounds_max", "5"])
            .ended_with(78)
            .stderr;
        let (_, hint) = told.split_once("write it there by hand: ").unwrap();
        let line = hint.lines().next().unwrap().replace("VALUE", "5");
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            text,
            "it is not touched"
        );
        let whole = if name.ends_with("json5") {
            format!("{{ session: 'y', {line} }}")
        } else {
            format!("{text}{line}\n")
        };
        fs::write(&file, whole).unwrap();
        let shown = bench
            .run(&["config", "show", "--json"])
            .ended_with(0)
            .json();
        assert_eq!(
            (&shown["turn.rounds_max"], &shown["session"]),
            (&json!(5), &json!("y")),
            "{line}"
        );
        let secret = bench
            .run(&["config", "set", "models.openai.key", "sk-canary"])
            .ended_with(78)
            .stderr;
        assert!(!secret.contains("canary"), "{secret}");
    }
}

#[test]
fn of_several_that_set_at_once_none_is_lost() {
    let bench = Bench::new();
    let keys = [
        "turn.rounds_max",
        "turn.token_budget",
        "context.keep_recent_tokens",
        "session",
    ];
    for round in 1_000..1_030 {
        let value = round.to_string();
        // In the first round the file is not there, nor is its folder.
        let all = keys.map(|key| {
            bench
                .command(&["config", "set", key, &value])
                .spawn()
                .unwrap()
        });
        all.into_iter()
            .for_each(|child| drop(finish(child, "").ended_with(0)));
        let shown = bench
            .run(&["config", "show", "--json"])
            .ended_with(0)
            .json();
        for key in keys {
            let value = if key == "session" {
                json!(value)
            } else {
                json!(round)
            };
            assert_eq!(shown[key], value, "{key}");
        }
    }
    let folder = bench.user_settings_in("config.toml", "");
    let left = fs::read_dir(folder.parent().unwrap()).unwrap();
    assert_eq!(left.count(), 1, "nothing is left beside it");
}
