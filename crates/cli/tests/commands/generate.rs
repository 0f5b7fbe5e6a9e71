//! `completions` and `man`: made without a home, and naming every command.

use std::process::{Command, Stdio};

use crate::bench::{Bench, finish};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// The commands as `--help` lists them.
fn commands(bench: &Bench) -> Vec<String> {
    let help = bench.run(&["-h"]).ended_with(0).stdout;
    let (_, list) = help.split_once("Commands:\n").expect("a list of commands");
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// The program where there is nothing: no home, no settings.
fn nowhere(args: &[&str]) -> String {
    let child = Command::new(env!("CARGO_BIN_EXE_latchwork"))
        .args(args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    finish(child, "").ended_with(0).stdout
}

#[test]
fn every_shell_is_told_of_every_command_and_bash_can_read_it() {
    let bench = Bench::new();
    let commands = commands(&bench);
    assert!(commands.len() > 8, "{commands:?}");
    for shell in SHELLS {
        let script = nowhere(&["completions", shell]);
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
    }
    let path = bench.write("complete.bash", &nowhere(&["completions", "bash"]));
    let ask = format!(
        "source {} && COMP_WORDS=(latchwork unl) COMP_CWORD=1 && _latchwork latchwork unl latchwork && echo ${{COMPREPLY[@]}}",
        path.display()
    );
    let bash = Command::new("bash").args(["-c", &ask]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&bash.stdout), "unlock\n");
}

#[test]
fn there_is_a_page_for_the_program_and_for_each_command() {
    let bench = Bench::new();
    let page = nowhere(&["man"]);
    assert!(
        page.contains(".TH latchwork 1") && page.contains("LATCHWORK_MODEL"),
        "{page}"
    );
    let folder = bench.path("");
    let written = nowhere(&["man", "--out", &folder.display().to_string()]);
    for command in commands(&bench) {
        let name = format!("latchwork-{command}.1");
        let page = std::fs::read_to_string(folder.join(&name)).expect(&name);
        assert!(
            page.contains(&format!(".TH latchwork-{command} 1")),
            "{page}"
        );
        assert!(written.contains(&name), "{written}");
    }
    let refused = bench.run(&["man", "--out", "not/there"]).ended_with(1);
    assert!(refused.stderr.contains("not/there"), "{}", refused.stderr);
}
