//! `sessions cleanup` of OpenClaw's stores: of all agents at once, and direct messages that share the main session now.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use latchwork_testkit::program::{Finished, Home};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);

struct Agents {
    home: Home,
}

impl Agents {
    /// Two agents, each with a main session and direct messages of its own, two days old.
    fn new(scope: Option<&str>) -> Self {
        let agents = Self { home: Home::new() };
        // The home was made just now.
        let made = std::fs::metadata(agents.home.home()).unwrap();
        let at = made.modified().unwrap() - 2 * DAY;
        let at_ms = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_millis();
        for agent in ["main", "ops"] {
            let mut rows = serde_json::Map::new();
            for (id, key) in [
                ("one", format!("agent:{agent}:main")),
                ("two", format!("agent:{agent}:telegram:direct:7")),
                ("three", format!("agent:{agent}:telegram:group:7")),
            ] {
                let at_ms = u64::try_from(at_ms).unwrap();
                rows.insert(key, json!({ "sessionId": id, "updatedAt": at_ms }));
                let header = json!({ "type": "session", "version": 3, "id": id, "timestamp": "2026-01-01T00:00:00.000Z", "cwd": "/x" });
                let path = agents.folder(agent).join(format!("{id}.jsonl"));
                std::fs::create_dir_all(agents.folder(agent)).unwrap();
                std::fs::write(&path, format!("{header}\n")).unwrap();
                let file = std::fs::File::options().write(true).open(&path).unwrap();
                file.set_modified(at).unwrap();
            }
            let store = agents.folder(agent).join("sessions.json");
            std::fs::write(store, Value::Object(rows).to_string()).unwrap();
        }
        if let Some(scope) = scope {
            let text = json!({ "session": { "dmScope": scope } }).to_string();
            std::fs::write(agents.openclaw().join("openclaw.json"), text).unwrap();
        }
        agents
    }

    fn openclaw(&self) -> PathBuf {
        self.home.path("openclaw")
    }

    fn folder(&self, agent: &str) -> PathBuf {
        self.openclaw().join(format!("agents/{agent}/sessions"))
    }

    fn cleanup(&self, args: &[&str]) -> Finished {
        let line = [&["sessions", "cleanup", "--json"], args].concat();
        let invocation = self.home.latchwork(line);
        let run = invocation.env("LATCHWORK_OPENCLAW_HOME", self.openclaw());
        run.run().expect_success()
    }

    fn keys(&self, agent: &str) -> Vec<String> {
        let text = std::fs::read(self.folder(agent).join("sessions.json")).unwrap();
        let rows: serde_json::Map<String, Value> = serde_json::from_slice(&text).unwrap();
        rows.keys().cloned().collect()
    }

    fn archived(&self, agent: &str) -> usize {
        let names = std::fs::read_dir(self.folder(agent)).unwrap().flatten();
        let name = |entry: std::fs::DirEntry| entry.file_name().into_string().unwrap();
        names
            .map(name)
            .filter(|name| name.contains("two.jsonl.deleted."))
            .count()
    }
}

#[test]
fn direct_messages_that_share_the_main_session_go_from_the_stores_of_all_agents_and_nothing_else() {
    for scope in [None, Some("main")] {
        let agents = Agents::new(scope);
        let planned = agents.cleanup(&["--all-agents", "--fix-dm-scope", "--dry-run"]);
        let planned = planned.json();
        assert_eq!(
            (&planned["allAgents"], &planned["dryRun"]),
            (&json!(true), &json!(true))
        );
        let stores = planned["stores"].as_array().unwrap();
        let named: Vec<&Value> = stores.iter().map(|store| &store["agentId"]).collect();
        assert_eq!(named, ["main", "ops"], "{planned}");
        assert!(
            stores.iter().all(|store| store["dmScopeRetired"] == 1),
            "{planned}"
        );
        assert_eq!(agents.keys("ops").len(), 3, "nothing is changed");
        agents.cleanup(&["--all-agents", "--fix-dm-scope"]);
        for agent in ["main", "ops"] {
            let [group, main] =
                ["telegram:group:7", "main"].map(|rest| format!("agent:{agent}:{rest}"));
            let mut keys = agents.keys(agent);
            keys.sort();
            assert_eq!(keys, [main, group]);
            assert_eq!(agents.archived(agent), 1);
            assert!(agents.folder(agent).join("one.jsonl").exists());
        }
        let again = agents.cleanup(&["--all-agents", "--fix-dm-scope"]).json();
        assert_eq!(again["stores"][1]["wouldMutate"], false, "{again}");
    }
}

#[test]
fn direct_messages_that_have_their_own_sessions_by_the_settings_stay_and_an_active_key_stays() {
    let agents = Agents::new(Some("per-peer"));
    let told = agents.cleanup(&["--all-agents", "--fix-dm-scope"]);
    assert!(
        told.stderr.contains("session.dmScope is per-peer"),
        "{told}"
    );
    assert_eq!((agents.keys("main").len(), agents.archived("main")), (3, 0));
    let agents = Agents::new(None);
    let active = [
        "--fix-dm-scope",
        "--active-key",
        "agent:main:telegram:direct:7",
    ];
    assert_eq!(agents.cleanup(&active).json()["dmScopeRetired"], 0);
    assert_eq!((agents.keys("main").len(), agents.archived("main")), (3, 0));
}
