//! The promises of resolution, seen from outside: precedence, origins, and faults that lead to their mending.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod files;
mod layers;
mod limits;

use std::collections::BTreeMap;

use latchwork_config::{
    Bytes, ConfigError, Environment, Key, Layer, Layers, Millis, PeerKey, Range, Resolved,
    SecretRef, SourceFile, Unit,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Settings {
    model: String,
    retries: u8,
    verbose: Option<bool>,
    mode: Mode,
    tags: Vec<String>,
    lock: Lock,
    providers: BTreeMap<String, Provider>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Quick,
    Careful,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    max_hold: Millis<1, 600_000>,
    log_size: Bytes,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Provider {
    url: String,
    key: Option<SecretRef>,
}

fn defaults() -> Settings {
    Settings {
        model: "small".to_owned(),
        retries: 3,
        verbose: None,
        mode: Mode::Quick,
        tags: vec!["a".to_owned(), "b".to_owned()],
        lock: Lock {
            max_hold: Millis::new(5000).unwrap(),
            log_size: Bytes::new(1024).unwrap(),
        },
        providers: BTreeMap::new(),
    }
}

const NAMES: [(&str, &str); 6] = [
    ("APP_MODEL", "model"),
    ("APP_RETRIES", "retries"),
    ("APP_VERBOSE", "verbose"),
    ("APP_MODE", "mode"),
    ("APP_TAGS", "tags"),
    ("APP_MAX_HOLD", "lock.max_hold"),
];

fn environment(snapshot: &[(&str, &str)]) -> Environment {
    let snapshot = snapshot
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Environment::new("APP_", NAMES, snapshot.collect())
}

fn user(text: &str) -> SourceFile {
    SourceFile::toml("user.toml", text)
}

fn with_file(text: &str) -> Result<Resolved<Settings>, ConfigError> {
    Layers::new()
        .defaults(&defaults())
        .user_file(&user(text))
        .resolve()
}

fn faults(text: &str) -> Vec<String> {
    with_file(text)
        .expect_err("faulty")
        .faults
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn with_nothing_said_the_defaults_stand_and_say_so() {
    let resolved = Layers::new()
        .defaults(&defaults())
        .resolve::<Settings>()
        .unwrap();
    assert_eq!(resolved.value, defaults());
    assert!(
        resolved
            .origins()
            .all(|(_, origin)| origin.layer == Layer::Defaults)
    );
    assert_eq!(
        resolved.origin("lock.max_hold").unwrap().to_string(),
        "defaults"
    );
    assert!(resolved.origin("no.such").is_none());
}

#[test]
fn layers_merge_by_precedence_whatever_the_order_in_which_they_are_given() {
    let resolved = Layers::new()
        .flag("--retries", "retries", &"7")
        .environment(&environment(&[
            ("APP_MODEL", "from-env"),
            ("APP_RETRIES", "6"),
        ]))
        .project_file(&SourceFile::toml(
            "project.toml",
            "model = 'project'\nmode = 'careful'",
        ))
        .user_file(&user("[lock]\nmax_hold = '2min'"))
        .system_file(&SourceFile::toml(
            "system.toml",
            "lock.max_hold = 1\nlock.log_size = '2kb'",
        ))
        .defaults(&defaults())
        .resolve::<Settings>()
        .unwrap();
    let value = &resolved.value;
    assert_eq!(
        (value.model.as_str(), value.retries, value.mode),
        ("from-env", 7, Mode::Careful)
    );
    assert_eq!(
        (value.lock.max_hold.get(), value.lock.log_size.get()),
        (120_000, 2048)
    );
    let told = |key: &str| resolved.origin(key).unwrap().to_string();
    assert_eq!(told("model"), "environment variable APP_MODEL");
    assert_eq!(told("retries"), "flag --retries");
    assert_eq!(told("mode"), "project file \"project.toml\" line 2");
    assert_eq!(told("lock.max_hold"), "user file \"user.toml\" line 2");
    assert_eq!(told("lock.log_size"), "system file \"system.toml\" line 2");
    assert_eq!(told("tags.1"), "defaults");
}

#[test]
fn a_list_is_replaced_whole_and_an_entry_of_a_map_is_added() {
    let resolved = with_file("tags = []\n[providers.x]\nurl = 'u'\nkey = 'env:X_KEY'").unwrap();
    assert_eq!(resolved.value.tags, [""; 0]);
    assert_eq!(
        resolved.value.providers["x"]
            .key
            .as_ref()
            .unwrap()
            .to_string(),
        "env:X_KEY"
    );
    assert_eq!(resolved.origin("providers.x.url").unwrap().line(), Some(3));
}

#[test]
fn texts_of_the_environment_are_read_as_what_the_setting_is() {
    let snapshot = [
        ("APP_MODEL", "5"),
        ("APP_RETRIES", "5"),
        ("APP_VERBOSE", "true"),
        ("APP_MODE", "careful"),
        ("APP_TAGS", "['5', 'x']"),
        ("APP_MAX_HOLD", "90s"),
    ];
    let layers = Layers::new()
        .defaults(&defaults())
        .environment(&environment(&snapshot));
    let Settings {
        model,
        retries,
        verbose,
        mode,
        tags,
        lock,
        ..
    } = layers.resolve::<Settings>().unwrap().value;
    assert_eq!(
        (model.as_str(), retries, verbose, mode),
        ("5", 5, Some(true), Mode::Careful)
    );
    assert_eq!(
        (tags, lock.max_hold.get()),
        (vec!["5".to_owned(), "x".to_owned()], 90_000)
    );
}

#[test]
fn a_text_in_a_file_is_not_taken_for_a_number() {
    assert_eq!(
        faults("retries = '5'"),
        ["user file \"user.toml\" line 1: `retries` must be u8, but is a text"]
    );
}

#[test]
fn everything_wrong_is_reported_at_once_each_with_its_place() {
    let text = "retries = 300\nverbose = 'yes'\nmode = 'fast'\ntags = ['a', 1]\nlok = 1\n[lock]\nmax_hold = '60sec'\n\
                [providers.x]\nkey = 'env:K'\n";
    let snapshot = environment(&[("APP_MODEL", "m"), ("APP_MAX_HOLD", "-1")]);
    let layers = Layers::new()
        .defaults(&defaults())
        .user_file(&user(text))
        .environment(&snapshot);
    let told = layers.resolve::<Settings>().unwrap_err().to_string();
    assert_eq!(
        told.lines().collect::<Vec<_>>(),
        [
            "user file \"user.toml\" line 1: `retries` must be u8, but is the number 300",
            "user file \"user.toml\" line 2: `verbose` must be a boolean, but is a text",
            "user file \"user.toml\" line 3: `mode` must be one of `quick`, `careful`, but is another word",
            "user file \"user.toml\" line 4: `tags.1` must be a string, but is a number",
            "user file \"user.toml\" line 5: there is no setting `lok`; did you mean `lock`?",
            "user file \"user.toml\" line 7: `lock.max_hold`: unknown unit `sec`; there are: ms, s, min, h, d",
            "user file \"user.toml\" line 8: `providers.x.url` is missing and has no default",
            "environment variable APP_MAX_HOLD: `lock.max_hold`: must be from 1ms to 10min",
        ]
    );
}

#[test]
fn an_unknown_name_is_answered_with_the_one_that_may_be_meant() {
    let prefix = "user file \"user.toml\" line 1: there is no setting ";
    for (text, answer) in [
        ("retires = 1", "`retires`; did you mean `retries`?"),
        ("max_hold = 1", "`max_hold`; did you mean `lock.max_hold`?"),
        (
            "lock.max_hlod = 1",
            "`lock.max_hlod`; did you mean `lock.max_hold`?",
        ),
        ("colour = 'red'", "`colour`"),
        ("'a\\u001b' = 1", "`•••`"),
        ("lock.sk-canary-0123 = 1", "`lock.•••`"),
    ] {
        assert_eq!(faults(text), [format!("{prefix}{answer}")], "{text}");
    }
}

#[test]
fn an_unknown_name_in_two_files_is_reported_in_both() {
    let layers = Layers::new()
        .defaults(&defaults())
        .system_file(&SourceFile::toml("s.toml", "odd = 1"));
    let faults = layers
        .user_file(&user("\nodd = 2"))
        .resolve::<Settings>()
        .unwrap_err()
        .faults;
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn a_faulty_file_is_reported_beside_the_faults_of_the_others() {
    let layers = Layers::new()
        .defaults(&defaults())
        .system_file(&SourceFile::toml("s.toml", "a = ["));
    let told = layers
        .user_file(&user("retries = -1"))
        .resolve::<Settings>()
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("system file \"s.toml\" line 1: not valid TOML"),
        "{told}"
    );
    assert!(
        told.contains("`retries` must be u8, but is the number -1"),
        "{told}"
    );
}

#[test]
fn a_secret_at_any_wrong_place_is_in_no_fault() {
    let canary = "sk-canary-0123";
    for text in [
        format!("retries = '{canary}'"),
        format!("mode = '{canary}'"),
        format!("lock = '{canary}'"),
        format!("tags = '{canary}'"),
        format!("providers.x = {{ url = 'u', key = '{canary}' }}"),
        format!("model = {canary}"),
        format!("verbose = '{canary}"),
        "model = 31337".to_owned(),
    ] {
        let error = with_file(&text).expect_err("faulty");
        let told = format!("{error} {error:?}");
        assert!(!told.contains(canary) && !told.contains("31337"), "{told}");
    }
}

#[test]
fn a_setting_without_a_default_that_nobody_set_is_missing_and_not_a_fault_of_the_program() {
    let error = Layers::new()
        .user_file(&user("model = 'm'"))
        .resolve::<Settings>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "defaults: `retries` is missing and has no default"
    );
}

#[test]
fn defaults_that_do_not_fit_are_the_programs_fault() {
    let error = Layers::new()
        .defaults(&BTreeMap::from([("model", 1)]))
        .resolve::<Settings>()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the defaults of this program are faulty"),
        "{error}"
    );
}

#[test]
fn a_variable_that_means_nothing_is_a_warning_and_stops_nobody() {
    let layers = Layers::new()
        .defaults(&defaults())
        .environment(&environment(&[("APP_RETIRES", "1")]));
    let resolved = layers.resolve::<Settings>().unwrap();
    assert_eq!(resolved.warnings.len(), 1);
    assert_eq!(resolved.value, defaults());
}

#[test]
fn every_setting_has_an_origin() {
    let resolved = with_file("model = 'm'").unwrap();
    let keys = resolved
        .origins()
        .map(|(key, _)| key.clone())
        .collect::<Vec<_>>();
    let expected = [
        "lock.log_size",
        "lock.max_hold",
        "mode",
        "model",
        "retries",
        "tags",
        "verbose",
    ]
    .map(Key::from);
    assert_eq!(keys, expected);
}
