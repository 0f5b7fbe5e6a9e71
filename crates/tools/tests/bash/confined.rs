//! What a sandbox keeps a command from. Where this machine offers none, that is checked instead: it is said.

use std::io::ErrorKind;
use std::net::TcpListener;

use latchwork_session::{ToolHost, ToolStatus};
use latchwork_tools::{BashOptions, Options, SandboxKind, SandboxPolicy, Toolbox, ToolboxError};
use serde_json::json;

use crate::common::{call, details, environment, every_bash, every_confined_bash, options, text};

#[tokio::test]
async fn nothing_outside_can_be_written_but_by_us() {
    let dir = tempfile::tempdir().unwrap();
    let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
    std::fs::create_dir(&root).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("kept"), "as it was").unwrap();
    std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
    for (kind, toolbox) in every_confined_bash(&root, |_| {}) {
        for attempt in [
            "echo x > OUT/kept",
            "echo x > OUT/new",
            "rm OUT/kept",
            "mv OUT/kept .",
            "truncate -s 0 OUT/kept",
            "echo x > link/kept",
            "mkdir OUT/dir",
            "ln OUT/kept hard && echo x > hard",
            "chmod 777 OUT/kept; false",
        ] {
            let command = attempt.replace("OUT", &outside.display().to_string());
            let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
            assert_eq!(
                outcome.status,
                ToolStatus::Error,
                "{kind:?}: {attempt}: {outcome:?}"
            );
            assert_eq!(
                std::fs::read_to_string(outside.join("kept")).unwrap(),
                "as it was",
                "{kind:?}: {attempt}"
            );
            assert_eq!(
                std::fs::read_dir(&outside).unwrap().count(),
                1,
                "{kind:?}: {attempt}"
            );
        }
        // The restriction is the command's alone.
        std::fs::write(outside.join("ours"), "").unwrap();
        std::fs::remove_file(outside.join("ours")).unwrap();
    }
}

#[tokio::test]
async fn nothing_outside_but_the_system_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("home/project");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(dir.path().join("home/key"), "canary").unwrap();
    std::fs::write(root.join("own"), "own").unwrap();
    for (kind, toolbox) in every_confined_bash(&root, |_| {}) {
        let command = "cat ../key; ls ..; cat own; cat /etc/passwd | head -1; ls $HOME; touch $HOME/x && echo home";
        let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
        let text = text(&outcome);
        assert!(!text.contains("canary"), "{kind:?}: {text}");
        assert!(
            text.contains("own") && text.contains("home\n") && text.contains(':'),
            "{kind:?}: {text}"
        );
        assert_eq!(outcome.status, ToolStatus::Ok, "{kind:?}: {text}");
    }
}

#[tokio::test]
async fn what_is_granted_besides_can_be_read_or_written() {
    let dir = tempfile::tempdir().unwrap();
    let [root, read, write] = ["root", "read", "write"].map(|name| dir.path().join(name));
    for path in [&root, &read, &write] {
        std::fs::create_dir(path).unwrap();
    }
    std::fs::write(read.join("f"), "granted").unwrap();
    let grant = |options: &mut Options| {
        options.bash.readable = vec![read.clone(), "/nowhere".into()];
        options.bash.writable = vec![write.clone()];
    };
    for (kind, toolbox) in every_confined_bash(&root, grant) {
        let command = "cat ../read/f && cp ../read/f ../write/copy && ! echo x > ../read/f";
        let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
        assert_eq!(outcome.status, ToolStatus::Ok, "{kind:?}: {outcome:?}");
        assert_eq!(std::fs::read_to_string(read.join("f")).unwrap(), "granted");
        std::fs::remove_file(write.join("copy")).unwrap();
    }
}

#[tokio::test]
async fn the_work_of_a_day_is_possible_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let work = "set -e; mkdir -p a b; echo one > a/f; mv a/f b/g; ln -s g b/s; cat b/s; echo two >> b/g; wc -l < b/g; \
                chmod +x b/g; mkfifo p; (echo through > p) & cat p; echo x > /dev/null; head -c 4 /dev/urandom > r; \
                cat <<< here; tmp=$(mktemp); echo y > $tmp; rm -r a b p r $tmp; sort <(echo sorted); echo fine";
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let outcome = call(&toolbox, "bash", json!({ "command": work })).await;
        assert_eq!(outcome.status, ToolStatus::Ok, "{kind:?}: {outcome:?}");
        assert!(
            text(&outcome).contains("one\n2\nthrough\nhere\nsorted\nfine\n"),
            "{kind:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn the_environment_of_our_process_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let command = "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep ^CARGO_MANIFEST_DIR= || echo not seen";
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
        let unseen = text(&outcome).starts_with("not seen");
        // Without a sandbox it can: so the command looks in the right place.
        assert_eq!(unseen, kind != SandboxKind::Any, "{kind:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn only_the_privileges_of_work_with_files_are_left() {
    let dir = tempfile::tempdir().unwrap();
    // chown, dac_override, fowner, fsetid, setgid, setuid: as capability(7) numbers them.
    let kept = [0, 1, 3, 4, 6, 7]
        .map(|bit| 1_u64 << bit)
        .iter()
        .sum::<u64>();
    let root = rustix::process::geteuid().is_root();
    for (kind, toolbox) in every_confined_bash(dir.path(), |_| {}) {
        let outcome = call(
            &toolbox,
            "bash",
            json!({ "command": "sed -n 's/^CapEff:.//p' /proc/self/status" }),
        )
        .await;
        let effective = u64::from_str_radix(text(&outcome).lines().next().unwrap(), 16).unwrap();
        assert_eq!(effective & !kept, 0, "{kind:?}: {effective:x}");
        assert!(root || effective == 0, "{kind:?}: {effective:x}");
    }
}

#[tokio::test]
async fn our_processes_cannot_be_signalled() {
    let dir = tempfile::tempdir().unwrap();
    let mut bystander = std::process::Command::new("sleep")
        .arg("600")
        .spawn()
        .unwrap();
    for (kind, toolbox) in every_confined_bash(dir.path(), |_| {}) {
        let command = format!("kill -9 {}", bystander.id());
        let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
        if details(&outcome)["sandboxGaps"]
            .as_array()
            .unwrap()
            .contains(&json!("signals"))
        {
            eprintln!("NOT CHECKED in {kind:?}: this kernel cannot refuse signals");
            continue;
        }
        assert_eq!(outcome.status, ToolStatus::Error, "{kind:?}: {outcome:?}");
        assert!(
            bystander.try_wait().unwrap().is_none(),
            "{kind:?}: it was killed"
        );
    }
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[tokio::test]
async fn the_network_is_there_only_if_it_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let command = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{}",
        listener.local_addr().unwrap().port()
    );
    for network in [false, true] {
        for (kind, toolbox) in
            every_confined_bash(dir.path(), |options| options.bash.network = network)
        {
            let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
            assert_eq!(
                outcome.status == ToolStatus::Ok,
                network,
                "{kind:?}: {outcome:?}"
            );
            let came = match listener.accept() {
                Ok(_) => true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => false,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(came, network, "{kind:?}");
            let confinement = &toolbox.specs()[0].description;
            assert_eq!(
                confinement.contains("there is no network"),
                !network,
                "{confinement}"
            );
        }
    }
}

#[tokio::test]
async fn without_a_sandbox_the_description_and_every_outcome_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let bash = BashOptions {
        sandbox: SandboxPolicy::Off,
        ..BashOptions::default()
    };
    let toolbox = Toolbox::new(Options {
        tools: vec!["bash".into()],
        bash,
        ..options(dir.path())
    })
    .unwrap();
    assert!(
        toolbox.specs()[0]
            .description
            .contains("Commands are NOT sandboxed")
    );
    let outcome = call(&toolbox, "bash", json!({ "command": "echo free" })).await;
    assert_eq!(text(&outcome), "[not sandboxed]\nfree\n\n[exit code 0]");
    assert_eq!(details(&outcome)["sandbox"], "none");
}

#[tokio::test]
async fn where_bubblewrap_is_absent_auto_goes_without_it_and_require_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let with = |sandbox| {
        let mut environment = environment();
        environment.insert("PATH".into(), "/nowhere".into());
        let bash = BashOptions {
            sandbox,
            sandbox_kind: SandboxKind::Bubblewrap,
            environment,
            ..BashOptions::default()
        };
        Toolbox::new(Options {
            tools: vec!["bash".into()],
            bash,
            ..options(dir.path())
        })
    };
    let error = with(SandboxPolicy::Require).unwrap_err();
    assert!(
        matches!(&error, ToolboxError::NoSandbox { why } if why.contains("no program `bwrap`")),
        "{error}"
    );
    let toolbox = with(SandboxPolicy::Auto).unwrap();
    assert_eq!(toolbox.sandbox().as_deref(), Some("none"));
    assert!(
        toolbox.specs()[0]
            .description
            .contains("this system offers none")
    );
    let outcome = call(&toolbox, "bash", json!({ "command": "echo $0" })).await;
    assert!(
        text(&outcome).starts_with("[not sandboxed]\n/bin/sh\n"),
        "without bash on the PATH: {outcome:?}"
    );
}
