//! Files, environment and flags become settings. They come in as values: nothing here opens a file or reads a variable.
//!
//! A project file (`.latchwork.toml`) lies in a directory that somebody else may have filled, so it may set what colours
//! a conversation and nothing that opens a door: no address, no secret, no command, no wider view of the disk, no `bash`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use latchwork_config::{
    ConfigError, Environment, Key, Layer, Layers, Resolved, SourceFile, Warning,
};
use latchwork_tools::{BashOptions, allowed_environment};
use serde_json::Value;

use super::misnamed::misnamed_tools;
use super::names::{name_of, names};
use super::odds::at_odds;
use super::{Settings, openclaw};
use crate::home;

/// The prefix of our own variables: one with it that means nothing is warned about.
const PREFIX: &str = "LATCHWORK_";
/// The variable that holds OpenAI's key. Its value is never taken, only its name.
const OPENAI_KEY: &str = "OPENAI_API_KEY";
/// The tool that runs commands.
const BASH: &str = "bash";
/// The setting that it would have to be named in.
const TOOLS: &str = "tools.tools";
/// Why a project file is refused.
const NOT_FOR_PROJECTS: &str = "a project may not set this, for its directory may be somebody else's; set it in your own settings, or leave it out";

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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    /// The file of the machine's administrator.
    pub system_file: Option<SourceFile>,
    /// The user's file.
    pub user_file: Option<SourceFile>,
    /// The file of the working directory.
    pub project_file: Option<SourceFile>,
    /// The settings file of an OpenClaw home (see [`Sources::openclaw_path`]).
    pub openclaw_file: Option<SourceFile>,
    /// A snapshot of the environment.
    pub environment: BTreeMap<String, String>,
    /// The working directory, for the tools.
    pub cwd: PathBuf,
    /// The flags.
    pub flags: Vec<Flag>,
}

impl Sources {
    /// The settings: defaults, then files, environment and flags, each over the one before.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn resolve(self) -> Result<Resolved<Settings>, ConfigError> {
        let defaults = self.defaults();
        let Self {
            system_file,
            user_file,
            project_file,
            openclaw_file,
            environment,
            flags,
            ..
        } = self;
        let mut layers = Layers::new()
            .defaults(&defaults)
            .permit(Layer::ProjectFile, projects_may)
            .limits(names().filter_map(|name| Some((name.pattern(), name.range()?))));
        if let Some(file) = &system_file {
            layers = layers.system_file(file);
        }
        if let Some(file) = &user_file {
            layers = layers.user_file(file);
        }
        if let Some(file) = &project_file {
            layers = layers.project_file(file);
        }
        if let Some(file) = &openclaw_file {
            layers = layers.peer_file(file, &openclaw::keys());
        }
        // Of two variables for one setting the later wins: ours.
        let ours = names().filter_map(|name| Some((name.variable?, name.key)));
        let variables = openclaw::variables().chain(ours);
        let (environment, ignored) = spelled(environment);
        layers = layers.environment(&Environment::new(PREFIX, variables, environment));
        for Flag { flag, key, value } in flags {
            layers = layers.flag(&flag, key.as_str(), &value);
        }
        let mut resolved = layers.resolve::<Settings>()?;
        let faults = misnamed_tools(&resolved);
        if !faults.is_empty() {
            return Err(ConfigError { faults });
        }
        resolved.warnings.extend(ignored);
        let odds = at_odds(&resolved);
        resolved.warnings.extend(odds);
        Ok(resolved)
    }

    /// The files that there are, lowest layer first.
    #[must_use]
    pub fn files(&self) -> Vec<SourceFile> {
        let all = [
            &self.system_file,
            &self.user_file,
            &self.project_file,
            &self.openclaw_file,
        ];
        all.into_iter().flatten().cloned().collect()
    }

    /// The settings file of the OpenClaw home that these sources point at, if they do. It is for the caller to read it, and
    /// to put it into [`openclaw_file`](Self::openclaw_file). What is wrong with the sources is told when they are resolved.
    #[must_use]
    pub fn openclaw_path(&self) -> Option<PathBuf> {
        let settings = self.clone().resolve().ok()?.value;
        openclaw::file(settings.openclaw_home.as_deref(), settings.home.as_deref())
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

/// The environment with its special spellings: the key becomes a reference, lists are split at commas, and OpenClaw's numbers
/// are read as it reads them. And what of it is ignored.
fn spelled(mut environment: BTreeMap<String, String>) -> (BTreeMap<String, String>, Vec<Warning>) {
    if let Some(key) = environment
        .get_mut(OPENAI_KEY)
        .filter(|key| !key.trim().is_empty())
    {
        *key = format!("env:{OPENAI_KEY}");
    }
    for name in names().filter(|name| name.kind.is_list()) {
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
    let ignored = openclaw::spell(&mut environment);
    (environment, ignored)
}

/// What a project file may set. A name that is none is no door; it is answered with what may be meant.
fn projects_may(key: &Key, value: &Value) -> Result<(), &'static str> {
    let Some(name) = name_of(key) else {
        return Ok(());
    };
    let opens_a_shell = name.key == TOOLS
        && (value == BASH
            || value
                .as_array()
                .is_some_and(|tools| tools.iter().any(|tool| tool == BASH)));
    if name.for_projects && !opens_a_shell {
        Ok(())
    } else {
        Err(NOT_FOR_PROJECTS)
    }
}

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
        let told: Vec<_> = resolved.warnings.iter().map(ToString::to_string).collect();
        assert!(
            told[0].contains(
                "OPENCLAW_SESSION_WRITE_LOCK_STALE_MS: `store.locks.stale_ms` is ignored"
            ),
            "{told:?}"
        );
        assert_eq!(locks.max_hold_ms, 70_000);
        let origin = resolved.origin("store.locks.acquire_timeout_ms").unwrap();
        assert!(
            origin
                .to_string()
                .contains("OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS")
        );
    }

    #[test]
    fn of_openclaws_file_the_limits_of_locks_and_compaction_hold_here_below_the_environment() {
        let text = "// theirs\n{ session: { writeLock: { acquireTimeoutMs: 7000,\n staleMs: '30m', maxHoldMs: 65000 } },\n gateway: { port: 1 },\n \
                    agents: { defaults: { compaction: { keepRecentTokens: 9000 } } } }";
        let mut sources = sources(&[
            ("LATCHWORK_MAX_HOLD_MS", "5s"),
            ("LATCHWORK_OPENCLAW_HOME", "/o"),
        ]);
        assert_eq!(sources.openclaw_path(), Some("/o/openclaw.json".into()));
        sources.user_file = Some(SourceFile::toml(
            "u.toml",
            "store.locks.acquire_timeout_ms = 1",
        ));
        sources.openclaw_file = Some(SourceFile::named("/o/openclaw.json", text));
        let resolved = sources.resolve().unwrap();
        let locks = &resolved.value.store.locks;
        assert_eq!(
            (locks.acquire_timeout_ms, locks.stale_ms, locks.max_hold_ms),
            (7_000, 1_800_000, 5_000)
        );
        assert_eq!(resolved.value.context.keep_recent_tokens, 9_000);
        let told: Vec<_> = resolved.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(
                "peer's file \"/o/openclaw.json\" line 3: `session.writeLock.staleMs` is ignored"
            ),
            "{told:?}"
        );
    }

    #[test]
    fn times_that_do_not_go_together_are_told_with_both_numbers_and_only_if_somebody_set_one() {
        assert_eq!(sources(&[]).resolve().unwrap().warnings, []);
        let told = |acquire: &str, stale: &str| {
            let resolved = sources(&[
                ("LATCHWORK_ACQUIRE_TIMEOUT_MS", acquire),
                ("LATCHWORK_STALE_MS", stale),
            ])
            .resolve()
            .unwrap();
            resolved
                .warnings
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(told("300000", "300000"), [""; 0]);
        let both = told("10s", "20s");
        assert_eq!(both.len(), 2, "{both:?}");
        for (told, parts) in both
            .iter()
            .zip([["10000 ms", "300000 ms"], ["20000 ms", "300000 ms"]])
        {
            assert!(parts.iter().all(|part| told.contains(part)), "{told}");
        }
    }

    #[test]
    fn every_number_is_held_to_its_range_and_a_unit_is_understood_where_one_is_counted() {
        let set = |key: &str, value: &str| {
            let mut sources = sources(&[]);
            sources.user_file = Some(SourceFile::toml("u.toml", format!("{key} = {value}")));
            sources.resolve()
        };
        for (name, range) in names().filter_map(|name| Some((name.key, name.range()?))) {
            for inside in [range.min(), range.max()] {
                set(name, &inside.to_string()).unwrap();
            }
            let outside = range
                .min()
                .checked_sub(1)
                .into_iter()
                .chain([range.max() + 1]);
            for number in outside.map(|number| number.to_string()).chain([
                "-1".into(),
                "nan".into(),
                "1e300".into(),
            ]) {
                let told = set(name, &number).unwrap_err().to_string();
                assert!(
                    told.contains(&format!("`{name}` must be {range}, but is ")),
                    "{told}"
                );
            }
            let with_unit = match range.unit() {
                latchwork_config::Unit::Millis => "'1s'",
                latchwork_config::Unit::Bytes => "'1kb'",
                _ => continue,
            };
            set(name, with_unit).unwrap();
        }
        let many = "[turn]\nrounds_max = 0\n[store.locks]\nmax_hold_ms = '60sec'\n[models.local]\nidle_timeout_ms = -5\n";
        let mut sources = sources(&[]);
        sources.user_file = Some(SourceFile::toml("u.toml", many));
        assert_eq!(sources.resolve().unwrap_err().faults.len(), 3);
    }

    fn project(text: &str) -> Result<Resolved<Settings>, ConfigError> {
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
            file("model = \"a/1\"\nsession = \"s\"\n[store.locks]\nmax_hold_ms = 9000");
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
            "[store.locks]\npeer_lock = \"never\"",
        ] {
            let error = project(door).expect_err(door);
            assert!(
                error.to_string().contains("a project may not set this"),
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
