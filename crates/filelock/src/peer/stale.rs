//! OpenClaw's own reasons for calling a lock file stale, for people: what it would say of the file, and so what it would do.
//!
//! Nothing of ours is decided by them: by its rules a healthy owner is stale after half an hour. The words are its own, in
//! its order. Deliberately absent: `orphan-self-pid`, which a process says of itself.

use latchwork_sys::{Liveness, System};

use super::payload::Read;
use crate::note::from_iso;

/// What OpenClaw makes of a lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stale {
    /// Whether it would say that the owner is alive; `None` where the file names none.
    pub(super) alive: Option<bool>,
    /// Since when the lock is held, in milliseconds; `None` where the file does not say.
    pub(super) age_ms: Option<u64>,
    /// Its reasons; none if it would wait for the owner.
    pub(super) reasons: Vec<&'static str>,
}

pub(super) fn judge(read: &Read, stale_ms: u64, system: &System) -> Stale {
    let now = system.clock.wall_ms();
    let created = read.created_at.as_deref().and_then(from_iso);
    let age_ms = created.map(|created| u64::try_from(now.saturating_sub(created)).unwrap_or(0));
    let mut reasons = Vec::new();
    let mut alive = None;
    let mut stranger = false;
    match read.pid.map(|pid| system.processes.look(pid)) {
        None => reasons.push("missing-pid"),
        Some(Liveness::Alive {
            starttime, command, ..
        }) => {
            alive = Some(true);
            stranger = !command.is_empty() && !looks_like_openclaw(&command);
            if let (Some(then), Some(now)) = (read.starttime, starttime)
                && then != now
            {
                reasons.push("recycled-pid");
            }
        }
        Some(_) => {
            alive = Some(false);
            reasons.push("dead-pid");
        }
    }
    match age_ms {
        None => reasons.push("invalid-createdAt"),
        Some(age) if age > stale_ms => reasons.push("too-old"),
        Some(_) => {}
    }
    if reasons.is_empty() && stranger {
        reasons.push("non-openclaw-owner");
    }
    Stale {
        alive,
        age_ms,
        reasons,
    }
}

/// Whether OpenClaw would take a command line for its own.
fn looks_like_openclaw(command: &[String]) -> bool {
    const SCRIPTS: [&str; 5] = [
        "dist/index.js",
        "dist/entry.js",
        "scripts/run-node.mjs",
        "src/entry.ts",
        "src/index.ts",
    ];
    let words: Vec<String> = command
        .iter()
        .map(|word| word.to_lowercase().replace('\\', "/"))
        .collect();
    let is_program = words.first().is_some_and(|first| {
        let first = [".exe", ".cmd", ".bat"]
            .iter()
            .find_map(|ending| first.strip_suffix(ending))
            .unwrap_or(first);
        first == "openclaw" || first.ends_with("/openclaw") || first.ends_with("/openclaw-gateway")
    });
    let is_named = words.iter().any(|word| {
        ["openclaw", "openclaw.mjs"]
            .iter()
            .any(|name| word == name || word.ends_with(&format!("/{name}")))
    });
    let runs_script = words
        .iter()
        .any(|word| SCRIPTS.iter().any(|script| word.ends_with(script)));
    let verb = words
        .iter()
        .any(|word| word == "gateway" || word == "agent");
    is_program || is_named || (runs_script && verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(text: &str) -> Vec<&'static str> {
        judge(
            &Read::from_bytes(text.as_bytes()),
            1_800_000,
            &System::real(),
        )
        .reasons
    }

    #[test]
    fn reasons_are_openclaws_in_its_order() {
        assert_eq!(reasons("{"), ["missing-pid", "invalid-createdAt"]);
        let dead = r#"{"pid":4194999,"createdAt":"2020-01-01T00:00:00.000Z"}"#;
        assert_eq!(reasons(dead), ["dead-pid", "too-old"]);
        let own = std::process::id();
        let now = crate::note::iso(System::real().clock.wall_ms());
        let alive = format!(r#"{{"pid":{own},"createdAt":"{now}"}}"#);
        assert_eq!(
            reasons(&alive),
            ["non-openclaw-owner"],
            "we are a test program"
        );
        let recycled = format!(r#"{{"pid":{own},"createdAt":"{now}","starttime":1}}"#);
        assert_eq!(reasons(&recycled), ["recycled-pid"]);
    }

    #[test]
    fn a_command_line_is_openclaws_by_its_own_test() {
        let is = |words: &[&str]| {
            looks_like_openclaw(
                &words
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert!(is(&["/usr/bin/OpenClaw"]) && is(&["node", "C:\\x\\openclaw.mjs"]));
        assert!(is(&["openclaw.exe", "x"]) && is(&["node", "/o/dist/entry.js", "gateway"]));
        assert!(!is(&["node", "/o/dist/entry.js"]) && !is(&["myopenclaw"]) && !is(&[]));
    }
}
