//! What is set about resets: OpenClaw's `session.reset`, `resetByType`, `resetByChannel` and the older `idleMinutes`.
//!
//! What a channel says stands alone; else what is said of a kind of chat goes before what is said of all. Nothing said: daily, at 4.

use serde_json::Value;

use crate::key::{KeyKind, kind, normalized};

/// The hour at which a day begins, where nothing else is said.
const HOUR: i8 = 4;

/// What ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetMode {
    /// The day; and idleness, if minutes are set.
    Daily,
    /// Idleness alone.
    Idle,
}

/// A kind of chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// With one person.
    Direct,
    /// With many.
    Group,
    /// A thread of a chat.
    Thread,
}

impl ChatKind {
    /// The kind that a key tells.
    #[must_use]
    pub fn of_key(key: &str) -> Self {
        let key = normalized(key);
        if key.contains(":thread:") || key.contains(":topic:") {
            Self::Thread
        } else if kind(&key) == KeyKind::Kept
            || key.contains(":group:")
            || key.contains(":channel:")
        {
            Self::Group
        } else {
            Self::Direct
        }
    }

    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Direct => &["direct", "dm"],
            Self::Group => &["group"],
            Self::Thread => &["thread"],
        }
    }
}

/// When sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResetPolicy {
    /// What ends them.
    pub mode: ResetMode,
    /// The hour at which a day begins, 0 to 23.
    pub at_hour: i8,
    /// After how many minutes without a word; 0 and `None`: never.
    pub idle_minutes: Option<u64>,
    /// Whether anything of it was set.
    pub configured: bool,
}

impl ResetPolicy {
    /// What OpenClaw's section `session` says of a channel and a kind of chat.
    #[must_use]
    pub fn of_openclaw(session: &Value, channel: Option<&str>, chat: ChatKind) -> Self {
        let object = |value: Option<&Value>| value.filter(|value| value.is_object()).cloned();
        let by_channel = channel.and_then(|channel| {
            let channels = session.get("resetByChannel")?.as_object()?;
            let named = channels
                .iter()
                .find(|(name, _)| normalized(name) == normalized(channel));
            object(named.map(|(_, value)| value))
        });
        let alone = by_channel.is_some();
        let base = by_channel.or_else(|| object(session.get("reset")));
        let types = session.get("resetByType").filter(|_| !alone);
        let of_type = types.and_then(|types| {
            let mut names = chat.names().iter();
            names.find_map(|name| object(types.get(name)))
        });
        let legacy = session.get("idleMinutes").filter(|_| !alone);
        let legacy = legacy.and_then(Value::as_f64);
        let said = |name: &str| {
            let of = |value: &Option<Value>| value.as_ref()?.get(name).cloned();
            of(&of_type).or_else(|| of(&base))
        };
        let explicit = base.is_some() || types.is_some();
        let mode = match said("mode").as_ref().and_then(Value::as_str) {
            Some("idle") => ResetMode::Idle,
            Some(_) => ResetMode::Daily,
            None if !explicit && legacy.is_some() => ResetMode::Idle,
            None => ResetMode::Daily,
        };
        let hour = said("atHour").as_ref().and_then(Value::as_f64);
        let idle = said("idleMinutes")
            .as_ref()
            .and_then(Value::as_f64)
            .or(legacy);
        Self {
            mode,
            at_hour: hour.map_or(HOUR, |hour| whole(hour, 23) as i8),
            idle_minutes: idle.map(|minutes| whole(minutes, i64::MAX as u64)),
            configured: base.is_some() || of_type.is_some() || legacy.is_some(),
        }
    }
}

/// The whole part of a number, from 0 to `max`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "beyond the range it saturates"
)]
fn whole(number: f64, max: u64) -> u64 {
    (number.floor() as u64).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn policy(
        session: &Value,
        channel: Option<&str>,
        chat: ChatKind,
    ) -> (ResetMode, i8, Option<u64>) {
        let policy = ResetPolicy::of_openclaw(session, channel, chat);
        (policy.mode, policy.at_hour, policy.idle_minutes)
    }

    #[test]
    fn a_channel_stands_alone_and_a_kind_of_chat_goes_before_the_rest() {
        use ChatKind::{Direct, Group, Thread};
        use ResetMode::{Daily, Idle};
        let set = json!({
            "idleMinutes": 7,
            "reset": { "mode": "daily", "atHour": 6 },
            "resetByType": { "dm": { "mode": "idle", "idleMinutes": 30 }, "group": { "atHour": 99 } },
            "resetByChannel": { "Discord": { "idleMinutes": 5.9 } },
        });
        assert_eq!(policy(&set, None, Direct), (Idle, 6, Some(30)));
        assert_eq!(policy(&set, None, Group), (Daily, 23, Some(7)));
        assert_eq!(policy(&set, None, Thread), (Daily, 6, Some(7)));
        assert_eq!(policy(&set, Some("discord"), Direct), (Daily, 4, Some(5)));
        assert_eq!(policy(&json!({}), None, Direct), (Daily, 4, None));
        assert_eq!(
            policy(&json!({ "idleMinutes": 3 }), None, Direct),
            (Idle, 4, Some(3))
        );
        assert!(!ResetPolicy::of_openclaw(&json!({}), None, Direct).configured);
        assert_eq!(
            ChatKind::of_key("agent:main:telegram:group:1:topic:2"),
            Thread
        );
        assert_eq!(ChatKind::of_key("agent:main:slack:channel:c"), Group);
    }

    proptest! {
        #[test]
        fn no_section_makes_us_panic(hour in any::<f64>(), minutes in any::<f64>(), mode in "\\PC{0,6}") {
            let set = json!({ "reset": { "mode": mode, "atHour": hour, "idleMinutes": minutes }, "resetByType": 1, "resetByChannel": [] });
            let policy = ResetPolicy::of_openclaw(&set, Some("x"), ChatKind::Direct);
            prop_assert!((0..24).contains(&policy.at_hour));
        }
    }
}
