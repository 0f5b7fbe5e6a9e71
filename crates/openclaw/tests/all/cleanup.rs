//! A plan carried out on a real folder.

use std::path::Path;
use std::sync::Arc;

use latchwork_filelock::{Latches, Options, PeerLock, Site};
use latchwork_lock::{Phase, Wait};
use latchwork_openclaw::SessionsJson;
use latchwork_openclaw::maintenance::{
    Cleanup, FileAction, MaintenanceMode, MaintenanceOptions, RowAction,
};
use latchwork_sys::{ScriptedSteps, System};

use crate::bench::*;

const DAY_MS: i64 = 86_400_000;

fn now_ms() -> i64 {
    System::real().clock.wall_ms()
}

fn enforce() -> Cleanup {
    Cleanup {
        options: MaintenanceOptions {
            mode: MaintenanceMode::Enforce,
            ..MaintenanceOptions::default()
        },
        ..Cleanup::default()
    }
}

impl Bench {
    /// A session that was used so many days ago, with a row of its name.
    fn session(&self, id: &str, days: i64) {
        self.file(&format!("{id}.jsonl"), &header(id, None), days);
        let index = self.index();
        let at_ms = now_ms() - days * DAY_MS;
        block_on(index.update(WAIT, |rows| {
            put(rows, &format!("agent:main:{id}"), id, at_ms);
        }))
        .unwrap();
    }

    fn file(&self, name: &str, text: &str, days: i64) {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let at_ms = u64::try_from(now_ms() - days * DAY_MS).unwrap();
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(at_ms);
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(at).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> = names
            .map(|name| name.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name != ".latchwork");
        names.sort();
        names
    }

    fn has(&self, name: &str) -> bool {
        self.dir.path().join(name).exists()
    }

    fn keys(&self) -> Vec<String> {
        let rows = SessionsJson::parse(&self.text()).unwrap();
        rows.rows().map(|row| row.key().to_owned()).collect()
    }
}

fn header(id: &str, parent: Option<&str>) -> String {
    let parent = parent.map_or(String::new(), |parent| {
        format!(",\"parentSession\":\"{parent}\"")
    });
    format!(
        "{{\"type\":\"session\",\"version\":3,\"id\":\"{id}\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/\"{parent}}}\n"
    )
}

fn latches() -> Latches {
    let options = Options {
        peer_lock: PeerLock::Never,
        ..Options::default()
    };
    Latches::new(System::real(), options)
}

fn site(dir: &Path, id: &str) -> Site {
    Site::new(dir, id, &format!("{id}.jsonl")).unwrap()
}

#[test]
fn an_old_session_is_put_away_and_a_later_cleanup_removes_the_archive_and_nothing_else() {
    let bench = Bench::new();
    for (id, days) in [("old", 40), ("new", 1)] {
        bench.session(id, days);
    }
    bench.file("old.trajectory.jsonl", "{}", 40);
    bench.file("notes.txt", "mine", 400);
    bench.file("x.jsonl.deleted.2020-01-01T00-00-00.000Z", "", 400);
    bench.file("x.jsonl.reset.2020-01-01T00-00-00.000Z", "", 400);
    bench.file("stray.jsonl", &header("stray", None), 50);
    std::os::unix::fs::symlink("/etc/passwd", bench.dir.path().join("link.jsonl")).unwrap();
    let index = bench.index();

    let plan = index.plan_cleanup(&enforce()).unwrap();
    assert_eq!(plan.count(RowAction::PruneStale), 1);
    let before = (bench.names(), bench.text());
    let report = block_on(index.cleanup(WAIT, &enforce())).unwrap();
    assert_eq!(report.plan.rows.len(), 2);
    assert_eq!(before.0.len(), 9, "{:?}", before.0);
    assert_eq!(bench.keys(), ["agent:main:new"]);
    let names = bench.names();
    let archived = |stem: &str| {
        names
            .iter()
            .any(|name| name.starts_with(&format!("{stem}.jsonl.deleted.")))
    };
    assert!(
        archived("old") && archived("stray") && !archived("x"),
        "{names:?}"
    );
    for kept in ["new.jsonl", "notes.txt", "link.jsonl", "sessions.json"] {
        assert!(bench.has(kept), "{kept}");
    }
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(
        report.files.iter().all(|file| file.stayed.is_none()),
        "{:?}",
        report.files
    );
    // What its locks left went with it.
    let sidecars: Vec<_> = std::fs::read_dir(bench.dir.path().join(".latchwork"))
        .unwrap()
        .map(|name| name.unwrap().file_name())
        .collect();
    assert!(
        sidecars
            .iter()
            .all(|name| name.to_str().unwrap().starts_with("sessions.json.")),
        "{sidecars:?}"
    );
    let again = block_on(index.cleanup(WAIT, &enforce())).unwrap();
    assert!(!again.plan.would_change());
}

#[test]
fn warning_changes_nothing_but_what_was_asked_for_by_name() {
    let bench = Bench::new();
    bench.session("old", 40);
    bench.session("lost", 2);
    std::fs::remove_file(bench.dir.path().join("lost.jsonl")).unwrap();
    let index = bench.index();
    let mut cleanup = Cleanup::default();
    let before = bench.text();
    let report = block_on(index.cleanup(WAIT, &cleanup)).unwrap();
    assert!(report.plan.would_change() && report.rows.is_empty() && report.files.is_empty());
    assert_eq!(bench.text(), before);
    cleanup.asked.fix_missing = true;
    block_on(index.cleanup(WAIT, &cleanup)).unwrap();
    assert_eq!(bench.keys(), ["agent:main:old"]);
    assert!(bench.has("old.jsonl"));
}

#[test]
fn a_session_that_somebody_is_at_work_on_stays_whether_it_is_a_lock_a_turn_or_a_lock_file_of_a_peer()
 {
    let bench = Bench::new();
    for id in ["latched", "claimed", "peer", "idle"] {
        bench.session(id, 40);
    }
    let dir = bench.dir.path();
    let latches = latches();
    block_on(async {
        let latched = latches
            .latch(&site(dir, "latched"), Phase::SIDE, Wait::Never)
            .await
            .unwrap();
        let claim = latches
            .claim(&site(dir, "claimed"), "turn", Wait::Never)
            .await
            .unwrap();
        bench.file(
            "peer.jsonl.lock",
            &format!("{{\"pid\":{}}}", std::process::id()),
            0,
        );
        let report = bench.index().cleanup(WAIT, &enforce()).await.unwrap();
        assert_eq!(
            bench.keys(),
            [
                "agent:main:latched",
                "agent:main:claimed",
                "agent:main:peer"
            ]
        );
        assert_eq!(report.rows.len(), 1);
        drop((latched, claim));
    });
    for id in ["latched", "claimed", "peer"] {
        assert!(bench.has(&format!("{id}.jsonl")), "{id}");
    }
}

#[test]
fn a_session_that_comes_to_life_at_any_step_of_a_cleanup_is_never_taken() {
    for step in [
        "cleanup:planned",
        "cleanup:held",
        "index:read",
        "cleanup:rows-gone",
    ] {
        for what in ["row", "turn", "file"] {
            let bench = Bench::new();
            bench.session("s", 40);
            let steps = Arc::new(ScriptedSteps::new());
            let dir = bench.dir.path().to_path_buf();
            let (outcome, alive) = std::sync::mpsc::channel();
            steps.on(step, move || {
                // A life of its own: what it could begin counts.
                let begins = std::thread::spawn(move || {
                    let latches = latches();
                    block_on(async {
                        match what {
                            "turn" => {
                                let claim = latches
                                    .claim(&site(&dir, "s"), "turn", Wait::Never)
                                    .await
                                    .ok();
                                let began = claim.is_some();
                                std::mem::forget(claim);
                                began && dir.join("s.jsonl").exists()
                            }
                            "file" => {
                                let latched = latches
                                    .latch(&site(&dir, "s"), Phase::SIDE, Wait::Never)
                                    .await;
                                latched.is_ok_and(|latched| {
                                    let file = latched.transcript();
                                    file.is_some_and(|file| file.append(b"{}\n").is_ok())
                                })
                            }
                            _ => {
                                let text =
                                    std::fs::read_to_string(dir.join("sessions.json")).unwrap();
                                let newer = text.replace(
                                    "\"sessionId\": \"s\"",
                                    "\"sessionId\": \"s\", \"again\": 1",
                                );
                                let path = dir.join("sessions.json");
                                std::fs::write(dir.join("theirs"), &newer).unwrap();
                                std::fs::rename(dir.join("theirs"), path).unwrap();
                                newer != text
                            }
                        }
                    })
                });
                outcome.send(begins.join().unwrap()).unwrap();
            });
            let index = bench.index_on(System {
                steps,
                ..System::real()
            });
            block_on(index.cleanup(WAIT, &enforce())).unwrap();
            let began = alive.try_recv().unwrap_or(false);
            let stands = bench.has("s.jsonl");
            assert!(
                stands || !began,
                "{step} {what}: it had begun and was taken"
            );
            if what == "row" && began {
                assert_eq!(bench.keys(), ["agent:main:s"], "{step}");
            }
        }
    }
}

#[test]
fn a_parent_of_what_stays_is_kept_and_so_is_what_a_row_counts_as_one_with_it() {
    let bench = Bench::new();
    bench.session("child", 1);
    bench.file(
        "child.jsonl",
        &header(
            "child",
            Some("/elsewhere/agents/main/sessions/parent.jsonl"),
        ),
        1,
    );
    bench.file("parent.jsonl", &header("parent", Some("grand.jsonl")), 90);
    bench.file("grand.jsonl", &header("grand", None), 90);
    bench.file("family.jsonl", &header("family", None), 90);
    bench.file("stray.jsonl", &header("stray", None), 90);
    let index = bench.index();
    block_on(index.update(WAIT, |rows| {
        let row = serde_json::json!({ "sessionId": "child", "updatedAt": now_ms() - DAY_MS, "usageFamilySessionIds": ["family"] });
        rows.put("agent:main:child", &row).unwrap();
    }))
    .unwrap();
    let report = block_on(index.cleanup(WAIT, &enforce())).unwrap();
    for kept in ["child", "parent", "grand", "family"] {
        assert!(bench.has(&format!("{kept}.jsonl")), "{kept}");
    }
    assert!(!bench.has("stray.jsonl"));
    let archived = report
        .files
        .iter()
        .filter(|file| matches!(file.action, FileAction::Archive { .. }));
    assert_eq!(archived.count(), 1);
}

#[test]
fn over_the_limit_of_room_the_oldest_goes_for_good_until_it_fits() {
    let bench = Bench::new();
    for (id, days) in [("a", 9), ("b", 8), ("c", 7)] {
        bench.session(id, days);
        bench.file(&format!("{id}.jsonl"), &"x".repeat(10_000), days);
    }
    bench.file("stray.jsonl", &"x".repeat(10_000), 3);
    let mut cleanup = enforce();
    cleanup.options.max_disk_bytes = Some(30_000);
    let report = block_on(bench.index().cleanup(WAIT, &cleanup)).unwrap();
    let disk = report.plan.disk.unwrap();
    assert!(disk.over && disk.total_after <= disk.high_water, "{disk:?}");
    assert_eq!(bench.keys(), ["agent:main:b", "agent:main:c"]);
    assert_eq!(bench.names(), ["b.jsonl", "c.jsonl", "sessions.json"]);
}

#[test]
fn without_a_store_nothing_is_done() {
    let bench = Bench::new();
    bench.file("a.jsonl", &header("a", None), 90);
    assert!(block_on(bench.index().cleanup(WAIT, &enforce())).is_err());
    std::fs::write(bench.path(), "").unwrap();
    assert!(block_on(bench.index().cleanup(WAIT, &enforce())).is_err());
    assert!(bench.has("a.jsonl"));
}

#[test]
fn whatever_call_fails_in_a_cleanup_what_stays_is_whole_and_what_goes_is_somewhere_until_the_next_one()
 {
    let fault = latchwork_sys::Fault::any(latchwork_sys::FaultOutcome::Errno(5));
    let met = latchwork_sys::sweep(
        &fault,
        || Arc::new(latchwork_sys::RealDisk),
        |run| {
            let bench = Bench::new();
            for (id, days) in [("old", 40), ("new", 1)] {
                bench.session(id, days);
            }
            let index = bench.index_on(system_on(Arc::new(run.disk.clone())));
            let wait = Wait::at_most(std::time::Duration::from_millis(30));
            let _refused = block_on(index.cleanup(wait, &enforce()));
            let look = |when: &str| {
                assert!(
                    bench.keys().contains(&"agent:main:new".to_owned()),
                    "{when} {}",
                    run.nth
                );
                let names = bench.names();
                let of_old = names.iter().filter(|name| name.starts_with("old.jsonl"));
                assert_eq!(of_old.count(), 1, "{when} {}: {names:?}", run.nth);
                assert!(bench.has("new.jsonl"), "{when} {}", run.nth);
            };
            look("call");
            // A row never leads to a transcript that was put away.
            let has_row = bench.keys().contains(&"agent:main:old".to_owned());
            assert!(!has_row || bench.has("old.jsonl"), "call {}", run.nth);
            let report = block_on(bench.index().cleanup(WAIT, &enforce())).unwrap();
            look("after");
            assert_eq!(
                bench.keys(),
                ["agent:main:new"],
                "call {}: {report:?}",
                run.nth
            );
            assert!(!bench.has("old.jsonl"), "call {}: {report:?}", run.nth);
        },
    );
    assert!(met.len() > 40, "{}", met.len());
}
