//! Session keys: how they are looked up, and what kind of session they name.
//!
//! Keys are compared trimmed and in lower case, as OpenClaw does; a store may still hold older spellings. Deliberately absent:
//! making keys.

/// The form by which keys are compared.
#[must_use]
pub fn normalized(key: &str) -> String {
    key.trim().to_lowercase()
}

/// What a key says about its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Made by a machine: a subagent, a scheduled job, a hook, a node, a heartbeat. It is cleaned up first.
    Synthetic,
    /// A thread, a topic, a group or a channel: it is kept.
    Kept,
    /// Any other.
    Plain,
}

/// Names of parts that mark a session as made by a machine.
const SYNTHETIC: [&str; 6] = ["subagent", "acp", "cron", "hook", "node", "heartbeat"];

/// What the key, in its normalized form, says about its session.
#[must_use]
pub fn kind(key: &str) -> KeyKind {
    let rest = rest(key);
    let parts: Vec<&str> = rest.split(':').collect();
    let begins = parts.first().is_some_and(|first| SYNTHETIC.contains(first));
    // A machine's session of its own hangs on another's key by one of these.
    let within = parts
        .iter()
        .skip(1)
        .any(|part| matches!(*part, "heartbeat" | "subagent"));
    if begins || within {
        return KeyKind::Synthetic;
    }
    let followed = |names: &[&str]| {
        parts
            .windows(2)
            .any(|pair| matches!(pair, [name, id] if names.contains(name) && !id.is_empty()))
    };
    if followed(&["thread", "topic", "group", "channel"]) {
        return KeyKind::Kept;
    }
    KeyKind::Plain
}

/// The agent that a key names (`agent:<id>:…`).
#[must_use]
pub fn agent(key: &str) -> Option<&str> {
    let (agent, rest) = key.strip_prefix("agent:")?.split_once(':')?;
    (!agent.is_empty() && !rest.is_empty()).then_some(agent)
}

/// Whether a key of this agent names a direct message with a session of its own: `direct:x`, `<channel>:direct:x`,
/// `<channel>:<account>:direct:x`.
pub(crate) fn is_direct(key: &str, of_agent: &str) -> bool {
    if agent(key) != Some(of_agent) {
        return false;
    }
    let parts: Vec<&str> = rest(key).split(':').collect();
    let named = |parts: &[&str]| parts.iter().all(|part| !part.is_empty());
    named(&parts)
        && matches!(
            parts.as_slice(),
            ["direct", _] | [_, "direct", _] | [_, _, "direct", _]
        )
}

/// The key without its agent.
fn rest(key: &str) -> &str {
    match agent(key) {
        Some(agent) => key.get("agent:".len() + agent.len() + 1..).unwrap_or(key),
        None => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_says_what_kind_of_session_it_is() {
        for (key, expected) in [
            ("agent:main:main", KeyKind::Plain),
            ("agent:main:telegram:direct:1", KeyKind::Plain),
            ("agent:main:telegram:group:-1:topic:7", KeyKind::Kept),
            ("discord:channel:9", KeyKind::Kept),
            ("agent:main:slack:direct:1:thread:2", KeyKind::Kept),
            ("agent:main:subagent:uuid", KeyKind::Synthetic),
            ("agent:main:cron:job:run:1", KeyKind::Synthetic),
            ("hook:x", KeyKind::Synthetic),
            ("agent:main:main:heartbeat", KeyKind::Synthetic),
            ("agent:main:cron:group:1", KeyKind::Synthetic),
            ("global", KeyKind::Plain),
        ] {
            assert_eq!(kind(key), expected, "{key}");
        }
        assert_eq!(agent("agent:ops:main"), Some("ops"));
        assert_eq!(agent("agent:ops"), None);
        assert_eq!(normalized("  Agent:Main:X "), "agent:main:x");
    }

    #[test]
    fn a_direct_message_of_its_own_is_told_from_all_else_and_by_its_agent() {
        for (key, expected) in [
            ("agent:main:direct:1", true),
            ("agent:main:telegram:direct:1", true),
            ("agent:main:telegram:home:direct:1", true),
            ("agent:ops:direct:1", false),
            ("agent:main:main", false),
            ("agent:main:telegram:direct:1:thread:2", false),
            ("agent:main:telegram:group:direct", false),
            ("agent:main:telegram:direct:", false),
            ("agent:main:a:b:c:direct:1", false),
            ("direct:1", false),
        ] {
            assert_eq!(is_direct(key, "main"), expected, "{key}");
        }
    }

    proptest! {
        #[test]
        fn no_key_makes_us_panic(key in "\\PC{0,40}") {
            let key = normalized(&key);
            let _ = is_direct(&key, "main");
            let _ = (kind(&key), agent(&key));
            prop_assert_eq!(normalized(&key), key.clone());
        }
    }
}
