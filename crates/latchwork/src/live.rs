//! Settings that change while a process runs: what of them is taken over, and what is said of it.
//!
//! Invariants: settings that cannot be used change nothing. What needs a restart keeps the value that the process began with, and a
//! turn sees one set of settings from its beginning to its end. Deliberately absent: files ([`Follow`](crate::Follow) looks at them).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use latchwork_config::{Key, Resolved, Saying};

use crate::settings::{Effect, Settings, name_of, shown};
use crate::{Latchwork, SetupError};

/// One setting that is another one now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// Its name.
    pub key: Key,
    /// From when on it holds.
    pub effect: Effect,
    /// What is said of it now, and where; `None` where nothing is.
    pub now: Option<Saying>,
}

/// For people; without what may be a secret.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.now {
            Some(now) if !now.value.is_null() => {
                let value = shown(&self.key, now);
                write!(f, "`{}` is {value} now ({})", self.key, now.origin)?;
            }
            _ => write!(f, "`{}` is not set any more", self.key)?,
        }
        write!(f, "; that holds {}", self.effect)
    }
}

/// What differs between two answers, by name.
pub(crate) fn changes(before: &Resolved<Settings>, now: &Resolved<Settings>) -> Vec<Change> {
    let names = |settings: &Resolved<Settings>| -> Vec<Key> {
        settings.origins().map(|(key, _)| key.clone()).collect()
    };
    let all: BTreeSet<Key> = names(before).into_iter().chain(names(now)).collect();
    let said = |settings: &Resolved<Settings>, key: &Key| settings.trail(key).last().cloned();
    let change = |key: Key| {
        let (was, is) = (said(before, &key), said(now, &key));
        let value = |saying: &Option<Saying>| saying.as_ref().map(|saying| saying.value.clone());
        if value(&was).unwrap_or_default() == value(&is).unwrap_or_default() {
            return None;
        }
        Some(Change {
            effect: name_of(&key).map_or(Effect::NextUse, |name| name.effect),
            now: is,
            key,
        })
    };
    all.into_iter().filter_map(change).collect()
}

impl Latchwork {
    /// Takes over settings where that is safe: whatever is used next uses them, what is under way ends as it began. What holds
    /// [after a restart](Effect::Restart) stays as it is.
    ///
    /// # Errors
    /// [`SetupError`] for the first setting that cannot work beside those that stay. Nothing is changed then.
    pub fn adopt(&self, offered: &Settings) -> Result<(), SetupError> {
        let settings = beside(&self.settings(), offered);
        crate::facade::validate(&settings)?;
        self.parts().put(Arc::new(settings));
        Ok(())
    }
}

/// What is offered, with the values in force for all that only a restart changes.
fn beside(in_force: &Settings, offered: &Settings) -> Settings {
    let mut settings = offered.clone();
    settings.home.clone_from(&in_force.home);
    settings.metrics_address = in_force.metrics_address;
    settings.openclaw_home.clone_from(&in_force.openclaw_home);
    settings.store = in_force.store.clone();
    settings.store.locks.acquire_timeout_ms = offered.store.locks.acquire_timeout_ms;
    settings
}

#[cfg(test)]
mod tests {
    use latchwork_config::SourceFile;
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::{Kind, Name, Sources, names};

    fn of(text: &str) -> Resolved<Settings> {
        let sources = Sources {
            user_file: Some(SourceFile::toml("u.toml", text)),
            ..Sources::default()
        };
        sources.resolve().unwrap()
    }

    /// Another value than the default, in JSON.
    fn other(name: &Name, default: &Value) -> Value {
        match name.kind {
            Kind::Truth => json!(default != &json!(true)),
            Kind::Word(words) => {
                let other = words.iter().find(|word| default != &json!(word));
                json!(other.unwrap())
            }
            Kind::Words(words) => json!([words[0]]),
            Kind::Paths => json!(["/elsewhere"]),
            Kind::Number(range) => json!(range.max()),
            Kind::References | Kind::Variables => json!({ "A": "env:B" }),
            Kind::Reference => json!("env:B"),
            Kind::Socket => json!("127.0.0.1:1"),
            Kind::Text | Kind::Path | Kind::Address => json!("http://elsewhere"),
        }
    }

    #[test]
    fn exactly_what_needs_no_restart_is_taken_over() {
        let before = Settings::default();
        let as_json = |settings: &Settings| serde_json::to_value(settings).unwrap();
        for name in names() {
            let pointer = format!("/{}", name.key.replace('.', "/"));
            let mut offered = as_json(&before);
            let value = other(name, offered.pointer(&pointer).unwrap());
            *offered.pointer_mut(&pointer).unwrap() = value.clone();
            let taken = beside(&before, &serde_json::from_value(offered).unwrap());
            let taken = as_json(&taken).pointer(&pointer).unwrap() == &value;
            assert_eq!(taken, name.effect != Effect::Restart, "{}", name.key);
        }
    }

    #[test]
    fn a_change_is_told_with_its_place_and_its_time_and_a_secret_is_not() {
        let before = of("model = 'a/b'\n[models.x]\nkey = 'env:A'\nbase_url = 'http://h'");
        let now = of(
            "home = '/h'\n\n[models.x]\nkey = 'cmd:pass canary'\nbase_url = 'http://u:canary@h'\n[turn]\nrounds_max = 3",
        );
        let told: Vec<_> = changes(&before, &now)
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = [
            "`home` is \"/h\" now (user file \"u.toml\" line 1); that holds after a restart",
            "`model` is not set any more; that holds from the next turn or write on",
            "`models.x.base_url` is \"http://•••@h\" now (user file \"u.toml\" line 5); that holds from the next turn or write on",
            "`models.x.key` is \"cmd:pass ..\" now (user file \"u.toml\" line 4); that holds from the next turn or write on",
            "`turn.rounds_max` is 3 now (user file \"u.toml\" line 7); that holds from the next turn or write on",
        ];
        assert_eq!(told, expected);
        assert!(changes(&now, &now).is_empty());
    }
}
