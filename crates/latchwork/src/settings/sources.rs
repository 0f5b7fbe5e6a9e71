//! Files, environment and flags become settings. They come in as values: nothing here opens a file or reads a variable.
//!
//! A project file (`.latchwork.toml`) lies in a directory that somebody else may have filled, so it may set what colours
//! a conversation and nothing that opens a door: no address, no secret, no command, no wider view of the disk, no `bash`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use latchwork_config::{
    ConfigError, Environment, Key, Layer, Layers, Origin, Resolved, SourceFile,
};
use latchwork_tools::{BashOptions, allowed_environment};
use serde_json::Value;

use super::{Settings, names, openclaw};
use crate::home;

/// The prefix of our own variables: one with it that means nothing is warned about.
const PREFIX: &str = "LATCHWORK_";
/// The variable that holds OpenAI's key. Its value is never taken, only its name.
const OPENAI_KEY: &str = "OPENAI_API_KEY";
/// The tool that runs commands.
const BASH: &str = "bash";

/// One flag of a command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Flag {
    /// As it was typed: `--model`.
    pub flag: String,
    /// The setting: `model`.
    pub key: String,
    /// Its value.
    pub value: Value,
}

/// Where settings come from. What is `None` is not there.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file of the machine's administrator.
    pub system_file: Option<SourceFile>,
    /// The user's file.
    pub user_file: Option<SourceFile>,
    /// The file of the working directory.
    pub project_file: Option<SourceFile>,
    /// A snapshot of the environment.
    pub environment: BTreeMap<String, String>,
    /// The working directory, for the tools.
    pub cwd: PathBuf,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// Settings that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Something in them is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A project file sets what only the user may set.
    #[error(
        "{origin}: a project may not set `{key}`, for its directory may be somebody else's; set it in your own settings, or leave it out"
    )]
    NotForProjects {
        /// Where it is set.
        origin: Box<Origin>,
        /// The setting.
        key: Key,
    },
}

impl Sources {
    /// The settings: defaults, then files, environment and flags, each over the one before.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn resolve(self) -> Result<Resolved<Settings>, SettingsError> {
        let defaults = self.defaults();
        let Self {
            system_file,
            user_file,
            project_file,
            environment,
            flags,
            ..
        } = self;
        let mut layers = Layers::new().defaults(&defaults);
        if let Some(file) = &system_file {
            layers = layers.system_file(file);
        }
        if let Some(file) = &user_file {
            layers = layers.user_file(file);
        }
        if let Some(file) = &project_file {
            layers = layers.project_file(file);
        }
        // Of two variables for one setting the later wins: ours.
        let ours = names().filter_map(|name| Some((name.variable?, name.key)));
        let variables = openclaw::variables().chain(ours);
        layers = layers.environment(&Environment::new(PREFIX, variables, spelled(environment)));
        for Flag { flag, key, value } in flags {
            layers = layers.flag(&flag, key.as_str(), &value);
        }
        let resolved = layers.resolve::<Settings>()?;
        keep_projects_harmless(&resolved)?;
        Ok(resolved)
    }

    fn defaults(&self) -> Settings {
        let mut settings = Settings {
            home: home::default_home(&self.environment),
            ..Settings::default()
        };
        settings.tools.root.clone_from(&self.cwd);
        settings.tools.bash = BashOptions {
            environment: allowed_environment(self.environment.clone()),
            ..BashOptions::default()
        };
        settings
    }
}

/// The environment with its two special spellings: the key becomes a reference, and lists are split at commas.
fn spelled(mut environment: BTreeMap<String, String>) -> BTreeMap<String, String> {
    if let Some(key) = environment
        .get_mut(OPENAI_KEY)
        .filter(|key| !key.trim().is_empty())
    {
        *key = format!("env:{OPENAI_KEY}");
    }
    for name in names().filter(|name| name.is_list) {
        let list = name
            .variable
            .and_then(|variable| environment.get_mut(variable));
        if let Some(list) = list.filter(|list| !list.trim_start().starts_with('[')) {
            let items: Vec<&str> = list
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .collect();
            *list = serde_json::json!(items).to_string();
        }
    }
    openclaw::spell(&mut environment);
    environment
}

fn keep_projects_harmless(resolved: &Resolved<Settings>) -> Result<(), SettingsError> {
    let by_project = resolved
        .origins()
        .filter(|(_, origin)| origin.layer == Layer::ProjectFile);
    for (key, origin) in by_project {
        let harmless = names().any(|name| name.for_projects && *key == Key::from(name.key));
        let opens_a_shell = *key == Key::from("tools.tools")
            && resolved.value.tools.tools.iter().any(|tool| tool == BASH);
        if !harmless || opens_a_shell {
            return Err(SettingsError::NotForProjects {
                origin: Box::new(origin.clone()),
                key: key.clone(),
            });
        }
    }
    Ok(())
}

/// The setting that OpenAI's address stands in.
pub(super) const OPENAI_BASE_URL_KEY: &str = "models.openai.base_url";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OPENAI;
    use proptest::prelude::*;

    fn sources(environment: &[(&str, &str)]) -> Sources {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Sources {
            environment,
            cwd: "/work".into(),
            ..Sources::default()
        }
    }

    #[test]
    fn openclaws_variables_set_our_locks_too_and_our_own_win() {
        let resolved = sources(&[
            ("OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS", "1e4"),
            ("OPENCLAW_SESSION_WRITE_LOCK_STALE_MS", "never"),
            ("OPENCLAW_SESSION_WRITE_LOCK_MAX_HOLD_MS", "0x10000"),
            ("LATCHWORK_MAX_HOLD_MS", "70000"),
        ])
        .resolve()
        .unwrap();
        let locks = &resolved.value.store.locks;
        assert_eq!(locks.acquire_timeout_ms, 10_000);
        assert_eq!(locks.stale_ms, 1_800_000, "what is no number is ignored");
        assert_eq!(locks.max_hold_ms, 70_000);
        let origin = resolved.origin("store.locks.acquire_timeout_ms").unwrap();
        assert!(
            origin
                .to_string()
                .contains("OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS")
        );
    }

    fn project(text: &str) -> Result<Resolved<Settings>, SettingsError> {
        Sources {
            project_file: Some(SourceFile::toml(".latchwork.toml", text)),
            ..sources(&[])
        }
        .resolve()
    }

    #[test]
    fn told_nothing_it_is_ready_but_for_a_model() {
        let settings = sources(&[("HOME", "/home/u")]).resolve().unwrap().value;
        assert_eq!(settings.home, Some("/home/u/.local/share/latchwork".into()));
        assert_eq!((settings.model, settings.session.as_str()), (None, "main"));
        assert_eq!(settings.tools.tools, ["read", "ls"]);
        assert_eq!(settings.tools.root, PathBuf::from("/work"));
    }

    #[test]
    fn the_key_of_the_environment_is_a_reference_and_never_its_value() {
        let environment = [
            (OPENAI_KEY, "sk-canary"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1"),
        ];
        let resolved = sources(&environment).resolve().unwrap();
        let openai = &resolved.value.models[OPENAI];
        assert_eq!(openai.key, Some("env:OPENAI_API_KEY".parse().unwrap()));
        assert_eq!(openai.base_url, "http://127.0.0.1:1/v1");
        assert!(!format!("{resolved:?}").contains("sk-canary"));
        assert!(
            sources(&[(OPENAI_KEY, " ")]).resolve().is_err(),
            "a blank key is no reference"
        );
        assert_eq!(
            sources(&[(OPENAI_KEY, "")]).resolve().unwrap().value.models[OPENAI].key,
            None
        );
    }

    #[test]
    fn each_layer_is_over_the_one_before() {
        let file = |text: &str| Some(SourceFile::toml("config.toml", text));
        let mut sources = sources(&[("LATCHWORK_TOOLS", "read, bash")]);
        sources.system_file =
            file("model = \"a/1\"\nsession = \"s\"\n[store.locks]\nmaxHoldMs = 9000");
        sources.user_file =
            file("model = \"a/2\"\n[models.local]\nbase_url = \"http://localhost:8080/v1\"");
        sources.flags = vec![Flag {
            flag: "--model".into(),
            key: "model".into(),
            value: "a/3".into(),
        }];
        let resolved = sources.resolve().unwrap();
        assert_eq!(resolved.value.model.as_deref(), Some("a/3"));
        assert_eq!(resolved.origin("model").unwrap().flag(), Some("--model"));
        assert_eq!(
            (
                resolved.value.session.as_str(),
                resolved.value.store.locks.max_hold_ms
            ),
            ("s", 9000)
        );
        assert_eq!(resolved.value.tools.tools, ["read", "bash"]);
        assert_eq!(
            resolved.value.models.keys().collect::<Vec<_>>(),
            ["local", OPENAI]
        );
    }

    #[test]
    fn a_project_may_colour_a_conversation_and_open_no_door() {
        let settings =
            project("model = \"openai/m\"\nsystem_prompt = \"p\"\n[tools]\ntools = [\"ls\"]")
                .unwrap()
                .value;
        assert_eq!(
            (settings.model.as_deref(), settings.tools.tools.len()),
            (Some("openai/m"), 1)
        );
        for door in [
            "home = \"/tmp\"",
            "[models.openai]\nbase_url = \"https://evil.example\"",
            "[models.openai]\nkey = \"cmd:touch owned\"",
            "[tools]\nroot = \"/\"",
            "[tools]\ntools = [\"bash\"]",
            "[tools.bash.environment]\nBASH_ENV = \"x\"",
            "[store.locks]\npeerLock = \"never\"",
        ] {
            let error = project(door).expect_err(door);
            assert!(
                matches!(error, SettingsError::NotForProjects { .. }),
                "{door}: {error}"
            );
        }
    }

    #[test]
    fn a_slip_is_named_with_its_place_and_what_was_meant() {
        let error = project("modle = \"x\"").unwrap_err().to_string();
        assert!(
            error.contains("line 1") && error.contains("did you mean `model`"),
            "{error}"
        );
        let warnings = sources(&[("LATCHWORK_MODLE", "x")])
            .resolve()
            .unwrap()
            .warnings;
        assert_eq!(warnings.len(), 1);
    }

    proptest! {
        #[test]
        fn no_file_and_no_variable_makes_it_panic(text in "\\PC{0,60}", tools in "\\PC{0,20}") {
            let mut sources = sources(&[("LATCHWORK_TOOLS", &tools)]);
            sources.user_file = Some(SourceFile::toml("config.toml", text));
            let _ = sources.resolve();
        }
    }
}
