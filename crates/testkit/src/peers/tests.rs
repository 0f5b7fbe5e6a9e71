//! Installs are whole or done again; drivers say what the packages say.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::install::{install_into, network_error};
use super::node::version;
use super::*;

fn pins(dir: &Path, content: &str) -> PathBuf {
    let pins = dir.join("pins");
    fs::create_dir_all(&pins).unwrap();
    fs::write(pins.join("package.json"), content).unwrap();
    fs::write(pins.join("package-lock.json"), "{}").unwrap();
    pins
}

#[test]
fn an_install_that_broke_off_is_done_again_and_a_whole_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, pins) = (dir.path().join("cache"), pins(dir.path(), "a"));
    let broke = || Err(Skipped("killed".to_owned()));
    assert!(install_into(&cache, "peer", &pins, |_| broke()).is_err());
    let fetched = AtomicUsize::new(0);
    let fetch = |prefix: &Path| {
        assert!(prefix.join("package-lock.json").exists());
        fetched.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    for _ in 0..2 {
        let modules = install_into(&cache, "peer", &pins, fetch).unwrap();
        assert_eq!(modules, cache.join("peer/node_modules"));
    }
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
}

#[test]
fn a_changed_pin_is_installed_again() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    install_into(&cache, "peer", &pins(dir.path(), "a"), |_| Ok(())).unwrap();
    let fetched = AtomicUsize::new(0);
    let fetch = |_: &Path| {
        fetched.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    install_into(&cache, "peer", &pins(dir.path(), "b"), fetch).unwrap();
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
}

#[test]
fn of_many_who_ask_at_once_one_installs() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, pins) = (dir.path().join("cache"), pins(dir.path(), "a"));
    let fetched = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                install_into(&cache, "peer", &pins, |_| {
                    fetched.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                })
            });
        }
    });
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
}

#[test]
fn only_the_network_is_a_reason_to_skip() {
    let offline = "npm error code ENOTFOUND\nnpm error request to https://registry failed";
    assert_eq!(network_error(offline), Some("ENOTFOUND"));
    assert_eq!(network_error("npm error code EINTEGRITY"), None);
    assert_eq!(network_error("npm error code ETARGET"), None);
}

#[test]
fn a_version_of_node_is_read_as_numbers() {
    assert_eq!(version("v22.19.0\n"), Some((22, 19)));
    assert!(version("v9.0.0").unwrap() < version("v22.0.0").unwrap());
    assert_eq!(version("not node"), None);
}

#[test]
fn a_skip_is_a_failure_where_peers_are_required() {
    let skipped = Skipped("no npm".to_owned());
    let said = catch_unwind(|| say_skipped(&skipped, true)).unwrap_err();
    let words = said.downcast_ref::<String>().unwrap();
    assert!(words.contains("no npm"), "{words}");
}

#[test]
fn a_pi_that_lives_writes_below_the_leaf_that_it_knew() {
    for version in PiVersion::ALL {
        let start = |peers: &Peers| Ok((peers.pi(version)?, peers.pi(version)?));
        let Some((mut stale, mut other)) = Peers::or_skip(start) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("session.jsonl");
        assert_eq!(stale.open(&file).unwrap(), None);
        let user = stale.append(json!({"role": "user", "content": "hello", "timestamp": 1}));
        let reply = stale.append(reply("hi"));

        assert_eq!(other.open(&file).unwrap().as_deref(), Some(reply.as_str()));
        let more = other.append(json!({"role": "user", "content": "more", "timestamp": 2}));
        other.close();
        let name = stale.rename("a name");
        assert_eq!(stale.active_path(), [user.as_str(), &reply, &name]);
        stale.label(&user, Some("start")).unwrap();
        assert!(stale.label("nobody", Some("x")).is_err());
        stale.branch(Some(&user)).unwrap();
        assert_eq!(stale.inspect()["leafId"], user.as_str());
        assert_eq!(stale.inspect()["labels"], json!({ &user: "start" }));
        assert_eq!(stale.entries().len(), 4);
        stale.close();

        let report = crate::verify::Report::read(&file);
        report.assert_sound();
        assert_eq!(report.entry(&more).unwrap()["parentId"], reply.as_str());
        assert_eq!(
            report.count_user_text("more"),
            0,
            "the stale leaf moved the path"
        );
    }
}

fn reply(text: &str) -> Value {
    json!({
        "role": "assistant", "content": [{"type": "text", "text": text}],
        "api": "openai-completions", "provider": "openai", "model": "m", "stopReason": "stop", "timestamp": 1,
        "usage": {"input": 1, "output": 1, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 2,
                  "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0}},
    })
}
