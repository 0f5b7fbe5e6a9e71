//! A secret goes where it is needed and nowhere else: not into output, logs, errors, transcripts, children or core files.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use serde_json::json;

use crate::bench::{Bench, Done, finish};

const CANARY: &str = "sk-qcanaryq-0123";

#[track_caller]
fn clean(done: Done, what: &str) -> Done {
    for (stream, text) in [("output", &done.stdout), ("errors", &done.stderr)] {
        assert!(!text.contains("qcanaryq"), "{what}: {stream}:\n{text}");
    }
    done
}

/// A provider that refuses with this answer and hands back what it was asked.
fn provider(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(head).unwrap()
    });
    (address, asked)
}

const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 60\r\nconnection: close\r\n\r\n\
                       {\"error\":{\"message\":\"wrong key: sk-qcanaryq-0123\",\"code\":401}}";

#[test]
fn a_key_reaches_its_provider_and_is_in_no_output_no_log_and_no_error() {
    for reference in ["env:OPENAI_API_KEY", "file:key", "cmd:cat key"] {
        let bench = Bench::new();
        bench.write("key", &format!("{CANARY}\n"));
        let (address, asked) = provider(REFUSED);
        bench.user_settings(&format!(
            "model = \"openai/m\"\nlog = \"trace\"\n[models.openai]\nbase_url = \"{address}\"\nkey = \"{reference}\"\nheaders.x-more = \"{reference}\"\n"
        ));
        let mut command = bench.command(&["run", "Hello"]);
        if reference.starts_with("env:") {
            command.env("OPENAI_API_KEY", CANARY);
        }
        let done = clean(finish(command.spawn().unwrap(), ""), reference).ended_with(69);
        assert!(asked.join().unwrap().contains(CANARY), "it was sent");
        assert!(
            done.stderr.contains("TRACE") || done.stderr.contains("DEBUG"),
            "it was logged"
        );
        let mut command = bench.command(&["config", "show", "--origins"]);
        clean(
            finish(command.env("OPENAI_API_KEY", CANARY).spawn().unwrap(), ""),
            "show",
        )
        .ended_with(0);
        nowhere_but(bench.path(".").parent().unwrap(), &["key"]);
    }
}

/// No file below the folder holds it, but those of these names.
fn nowhere_but(folder: &Path, names: &[&str]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nowhere_but(&path, names);
        } else if !names.contains(&path.file_name().unwrap().to_str().unwrap()) {
            let text = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains("qcanaryq"), "{}", path.display());
        }
    }
}

#[test]
fn a_key_at_any_wrong_place_of_a_file_is_shown_by_no_command() {
    let bench = Bench::new();
    for text in [
        format!("[models.openai]\nkey = \"{CANARY}\"\n"),
        format!("[models.openai]\nheaders = {{ a = \"{CANARY}\" }}\n"),
        format!("[models.openai]\nconnect_timeout_ms = \"{CANARY}\"\n"),
        format!("[models.openai]\ntoken_limit_field = \"{CANARY}\"\n"),
        format!("[models.openai]\nbase_url = \"https://u:{CANARY}@h/v1?k={CANARY}\"\n"),
        format!("[tools.bash.environment]\nTOKEN = \"{CANARY}\"\n"),
        format!("# {CANARY}\n[turn]\nrounds_max = 0 # {CANARY}\n"),
        format!("model = {CANARY}\n"),
        format!("session = \"{CANARY}\nx = 1\n"),
    ] {
        bench.user_settings(&text);
        for args in [
            &["sessions"][..],
            &["config", "show"],
            &["config", "show", "--origins", "--json"],
            &["config", "check"],
            &["config", "explain", "models.openai.base_url"],
            &["config", "explain", "models.openai.key", "--json"],
            &["config", "set", "session", "other"],
        ] {
            clean(bench.run(args), &format!("{text}{args:?}"));
            bench.user_settings(&text);
        }
    }
}

#[test]
fn a_key_in_the_place_of_a_name_is_repeated_by_no_error() {
    let bench = Bench::new();
    for key in [
        CANARY.to_owned(),
        format!("turn.{CANARY}"),
        format!("{CANARY}.base_url"),
        format!("models.{CANARY}"),
    ] {
        for args in [
            &["config", "explain", &key][..],
            &["config", "explain", &key, "--json"],
            &["config", "set", &key, "x"],
            &["config", "set", "--json", &key, CANARY],
        ] {
            let told = clean(bench.run(args), &format!("{args:?}")).ended_with(2);
            assert!(
                told.stderr.contains("there is no setting `"),
                "{}",
                told.stderr
            );
        }
    }
    let files = [
        (
            "config.toml",
            vec![
                format!("{CANARY} = 1\n"),
                format!("{CANARY} = 1\n{CANARY} = 2\n"),
                format!("[{CANARY}]\na = 1\n[{CANARY}]\n"),
                format!("[turn]\n{CANARY} = 1\n"),
                format!("{CANARY}\n"),
                format!("session.{CANARY} = 1\n"),
                format!("[models.openai]\n{CANARY} = 1\n"),
                format!("[models.openai.headers]\n{CANARY} = 1\n"),
                format!("[models.openai.headers]\n{CANARY} = 'x'\n"),
                format!("[tools.bash.environment]\n{CANARY} = 1\n"),
                format!("[models.{CANARY}-{CANARY}]\nbase_url = 1\nround_max = 2\n"),
            ],
        ),
        (
            "config.yaml",
            vec![
                format!("{CANARY}: 1\n"),
                format!("{CANARY}: 1\n{CANARY}: 2\n"),
                format!("turn:\n  {CANARY}: 1\n"),
                format!("*{CANARY} : 1\n"),
                format!("{CANARY}\n"),
                format!("? [{CANARY}]\n: 1\n"),
            ],
        ),
        (
            "config.json5",
            vec![
                format!("{{ '{CANARY}': 1 }}"),
                format!("{{ '{CANARY}': 1, '{CANARY}': 2 }}"),
                format!("{{ turn: {{ '{CANARY}': 1 }} }}"),
                format!("{{ {CANARY}: 1 }}"),
                format!("{{ sk_qcanaryq_0123456789: 1, sk_qcanaryq_0123456789: 1 }}"),
                format!("{{ '{CANARY}' }}"),
            ],
        ),
    ];
    for (name, texts) in files {
        let file = bench.user_settings_in(name, "");
        for text in texts {
            bench.user_settings_in(name, &text);
            for args in [
                &["config", "check"][..],
                &["config", "check", "--json"],
                &["config", "explain", "session"],
                &["sessions", "--json"],
                &["doctor"],
                &["doctor", "--json"],
            ] {
                let told = clean(bench.run(args), &format!("{name}: {text}{args:?}"));
                assert_ne!(
                    told.code,
                    Some(0),
                    "{name}: {text}{args:?}: {}",
                    told.stdout
                );
            }
        }
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn no_child_is_given_a_key_that_it_was_not_meant_to_have() {
    let bench = Bench::new();
    bench.write("key", &format!("{CANARY}\n"));
    bench.user_settings("[models.openai]\nkey = \"file:key\"\n[tools]\ntools = [\"bash\"]\n");
    let call =
        json!({"type": "toolCall", "id": "c", "name": "bash", "arguments": {"command": "env"}});
    let message = |id: &str, parent: serde_json::Value, content: serde_json::Value, stop: &str| {
        json!({
            "type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:01.000Z",
            "message": {"role": "assistant", "content": [content], "stopReason": stop},
        })
    };
    let lines = [
        json!({"type": "session", "version": 3, "id": "r", "timestamp": "2026-01-01T00:00:00.000Z", "cwd": "/"}),
        message("a", json!(null), call, "toolUse"),
        message(
            "b",
            json!("a"),
            json!({"type": "text", "text": "Done."}),
            "stop",
        ),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let recorded = bench.write("recorded.jsonl", &text);
    let model = format!("replay:{}@instant", recorded.display());
    let mut command = bench.command(&["run", "--json", "--model", &model, "Hello"]);
    let done = finish(
        command
            .env("OPENAI_API_KEY", CANARY)
            .env("MY_TOKEN", CANARY)
            .spawn()
            .unwrap(),
        "",
    );
    clean(done, "bash").ended_with(0);
    let told = clean(bench.run(&["show", "main", "--json"]), "show").ended_with(0);
    assert!(
        told.stdout.contains("GIT_PAGER"),
        "the command told its environment: {}",
        told.stdout
    );
    let held = bench.run(&["lock", "main", "--", "env"]).ended_with(0);
    clean(held, "lock");
    nowhere_but(bench.path(".").parent().unwrap(), &["key"]);
}

#[test]
fn a_crash_leaves_no_core() {
    let bench = Bench::new();
    // As somebody has it who wants cores: else the test could not fail where nobody does.
    let inner = ["lock", "main", "--", "sh", "-c", "cat /proc/$PPID/limits"];
    let program = bench.command(&inner);
    let wants_cores = "ulimit -S -c \"$(ulimit -H -c)\"; exec \"$0\" \"$@\"";
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args(["-c", wants_cores])
        .arg(program.get_program())
        .args(inner);
    shell.env_clear().envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell.env("PATH", "/usr/bin:/bin");
    shell.current_dir(bench.path("."));
    shell
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let limits = finish(shell.spawn().unwrap(), "").ended_with(0);
    let core = limits
        .stdout
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let soft = core
        .trim_start_matches("Max core file size")
        .split_whitespace()
        .next();
    assert_eq!(soft, Some("0"), "{core}");
}
