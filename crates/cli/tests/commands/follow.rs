//! Settings files that change while the program runs: told on standard error, taken over or not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::bench::{Bench, finish};

/// Lines of standard error up to the first with this in it; that one.
fn told(errors: &mut impl Iterator<Item = std::io::Result<String>>, part: &str) -> String {
    let mut passed = Vec::new();
    let mut lines = errors.map(Result::unwrap);
    let found = lines.find(|line| {
        passed.push(line.clone());
        line.contains(part)
    });
    assert!(found.is_some(), "{part} was not told: {passed:#?}");
    found.unwrap()
}

#[test]
fn a_command_that_lasts_shows_its_figures_to_prometheus_where_that_is_set() {
    let bench = Bench::new();
    let at = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut command = bench.command(&["append", "canary"]);
    let variable = "LATCHWORK_METRICS_ADDRESS";
    let mut child = command.env(variable, at.to_string()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut receipts = BufReader::new(child.stdout.take().unwrap()).lines();
    writeln!(
        input,
        "{{\"role\":\"assistant\",\"content\":[{{\"type\":\"text\",\"text\":\"canary\"}}]}}"
    )
    .unwrap();
    receipts.next().unwrap().unwrap();
    let mut stream = TcpStream::connect(at).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(
        page.contains("latchwork_transcript_commits_total{outcome=\"clean\"} 1"),
        "{page}"
    );
    assert!(!page.contains("canary"), "{page}");
    // The address is taken now: that is told, and the work is done.
    let mut second = bench.command(&["append", "canary"]);
    let second = finish(second.env(variable, at.to_string()).spawn().unwrap(), "");
    assert!(
        second
            .ended_with(0)
            .stderr
            .contains("metrics cannot be shown at")
    );
    drop(input);
    assert!(child.wait().unwrap().success());
    let wrong = bench
        .command(&["config", "check"])
        .env(variable, "9464")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(78));
}

#[test]
fn a_program_that_runs_takes_over_what_it_can_and_says_what_it_cannot() {
    let bench = Bench::new();
    bench.user_settings("session = 'diary'\n");
    let mut command = bench.command(&["append", "main"]);
    let mut child = command.spawn().unwrap();
    // Whatever is not told ends the test instead of holding it up for ever.
    let pid = child.id().to_string();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(60));
        drop(std::process::Command::new("kill").arg(pid).status());
    });
    let mut input = child.stdin.take().unwrap();
    let mut receipts = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut append = |words: &str| {
        let content = [serde_json::json!({ "type": "text", "text": words })];
        let line = serde_json::json!({ "role": "assistant", "content": content });
        writeln!(input, "{line}").unwrap();
        receipts.next().unwrap().unwrap()
    };
    // It runs, and follows its settings.
    append("one");

    bench.user_settings(
        "session = 'diary'\nlog = 'latchwork_filelock=debug'\nhome = '/elsewhere'\n",
    );
    let home = told(&mut errors, "`home`");
    assert!(
        home.ends_with("line 3); that holds after a restart"),
        "{home}"
    );
    let log = told(&mut errors, "`log`");
    assert!(log.ends_with("line 2); that holds at once"), "{log}");

    bench.user_settings("session = 'diary'\nlog = \n");
    told(&mut errors, "error: the settings cannot be used");
    told(&mut errors, "hint: the settings of before stay in force");

    // What was taken over is in force: this is logged.
    assert!(append("two").contains("state"), "and nothing was lost");
    told(&mut errors, "latchwork_lock_hold");

    bench.user_settings("session = 'diary'\nlog = 'latchwork=loud'\n");
    told(&mut errors, "is no filter of logs");
    told(&mut errors, "hint: the settings of before stay in force");
    assert!(append("three").contains("state"));
    drop(input);
    assert!(child.wait().unwrap().success());
}
