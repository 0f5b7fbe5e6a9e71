//! The promises of resolution, seen from outside: precedence, origins, and faults that lead to their mending.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

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
        ("'a\\u001b' = 1", "`\"a\\\\u001b\"`"),
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

#[test]
fn a_file_says_the_same_in_each_format_and_each_value_has_its_line() {
    let toml = "model = 'm'\ntags = ['x']\n[lock]\nmax_hold = '60s'\n";
    let json5 = "{ model: 'm',\n  tags: ['x'],\n  // how long\n  lock: { max_hold: '60s' } }\n";
    let yaml = "model: m\ntags: [x]\nlock:\n  max_hold: 60s\n";
    for (name, text) in [
        ("a.toml", toml),
        ("a.json5", json5),
        ("a.yaml", yaml),
        ("a.yml", yaml),
        ("a", toml),
    ] {
        let file = SourceFile::named(name, text);
        let resolved = Layers::new()
            .defaults(&defaults())
            .user_file(&file)
            .resolve::<Settings>()
            .unwrap();
        let value = &resolved.value;
        assert_eq!(
            (
                value.model.as_str(),
                value.tags.len(),
                value.lock.max_hold.get()
            ),
            ("m", 1, 60_000),
            "{name}"
        );
        assert_eq!(
            resolved.origin("lock.max_hold").unwrap().line(),
            Some(4),
            "{name}"
        );
        assert_eq!(resolved.origin("tags").unwrap().line(), Some(2), "{name}");
    }
}

#[test]
fn a_number_that_none_can_be_is_a_fault_with_its_line_beside_the_others() {
    for (name, text) in [
        ("a.toml", "retries = nan\nmodel = 1\n"),
        ("a.json5", "{ retries: NaN,\nmodel: 1 }"),
        ("a.yaml", "retries: .nan\nmodel: 1\n"),
    ] {
        let layers = Layers::new().defaults(&defaults());
        let error = layers
            .user_file(&SourceFile::named(name, text))
            .resolve::<Settings>()
            .unwrap_err();
        assert_eq!(error.faults.len(), 2, "{error}");
        assert!(
            error.to_string().starts_with(&format!(
                "user file \"{name}\" line 1: `retries` must be a finite number of at most 64 bits, but is not a number"
            )),
            "{error}"
        );
    }
}

fn peer_keys() -> Vec<PeerKey> {
    [
        ("theirs.hold", "lock.max_hold"),
        ("theirs.size", "lock.log_size"),
    ]
    .map(|(theirs, ours)| PeerKey {
        theirs: Key::from(theirs),
        ours: Key::from(ours),
        range: Range::new(&(1..=600_000), Unit::Millis),
    })
    .to_vec()
}

#[test]
fn of_a_peers_file_only_what_we_know_is_read_over_our_files_and_under_the_environment() {
    let peer = SourceFile::named(
        "peer.json",
        "{ model: 'theirs', more: { b: 1, b: 2 },\n theirs: { hold: 7000,\n size: 4096 } }",
    );
    let layers = Layers::new()
        .environment(&environment(&[("APP_MAX_HOLD", "8000")]))
        .peer_file(&peer, &peer_keys())
        .project_file(&SourceFile::toml("p.toml", "lock.log_size = 1"))
        .defaults(&defaults());
    let resolved = layers.resolve::<Settings>().unwrap();
    assert_eq!(resolved.value.model, "small");
    assert_eq!(
        (
            resolved.value.lock.max_hold.get(),
            resolved.value.lock.log_size.get()
        ),
        (8000, 4096)
    );
    let origin = resolved.origin("lock.log_size").unwrap();
    assert_eq!(origin.to_string(), "peer's file \"peer.json\" line 3");
    assert_eq!(resolved.warnings, []);
}

#[test]
fn a_peers_value_that_cannot_be_used_is_a_warning_and_counts_as_not_set() {
    for bad in [
        "-1",
        "0",
        "'60s'",
        "1.5",
        "700000",
        "7e5",
        "NaN",
        "99999999999999999999",
        "{}",
    ] {
        let peer = SourceFile::named("peer.json5", format!("{{ theirs: {{\n hold: {bad} }} }}"));
        let layers = Layers::new().defaults(&defaults());
        let resolved = layers
            .peer_file(&peer, &peer_keys())
            .resolve::<Settings>()
            .unwrap();
        assert_eq!(resolved.value.lock.max_hold.get(), 5000, "{bad}");
        let told: Vec<_> = resolved.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{bad}: {told:?}");
        assert!(
            told[0].starts_with("peer's file \"peer.json5\" line 2: `theirs.hold` is ignored: it "),
            "{told:?}"
        );
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Numbers {
    wait_ms: u64,
    size_bytes: u64,
    rounds: u32,
    most: Option<u64>,
    each: BTreeMap<String, Numbers>,
}

fn limited() -> Layers {
    let range = |range, unit| Range::new(&range, unit);
    Layers::new().defaults(&Numbers::default()).limits([
        ("wait_ms", range(1_000..=60_000, Unit::Millis)),
        ("size_bytes", range(16..=1 << 20, Unit::Bytes)),
        ("rounds", range(1..=50, Unit::Count)),
        ("most", range(1..=100, Unit::Count)),
        ("each.*.wait_ms", range(1..=10, Unit::Millis)),
    ])
}

#[test]
fn every_number_outside_its_range_is_reported_at_once_with_its_place_and_the_range() {
    let text = "wait_ms = '60sec'\nsize_bytes = '20gb'\nrounds = -1\nmost = 1e308\n[each.a]\nwait_ms = 11\n[each.b]\nwait_ms = nan\n";
    let snapshot = BTreeMap::from([("APP_ROUNDS".to_owned(), "99999999999999999999".to_owned())]);
    let environment = Environment::new("APP_", [("APP_ROUNDS", "rounds")], snapshot);
    let error = limited()
        .user_file(&user(text))
        .environment(&environment)
        .resolve::<Numbers>()
        .unwrap_err();
    let wait = "must be milliseconds from 1 to 10 (1ms to 10ms), but is";
    assert_eq!(
        error.to_string().lines().collect::<Vec<_>>(),
        [
            "user file \"user.toml\" line 1: `wait_ms`: unknown unit `sec`; there are: ms, s, min, h, d; it must be milliseconds \
             from 1000 to 60000 (1s to 1min)",
            "user file \"user.toml\" line 2: `size_bytes` must be bytes from 16 to 1048576 (16b to 1mb), but is 21474836480",
            "user file \"user.toml\" line 3: `rounds` must be a whole number from 1 to 50, but is -1",
            "user file \"user.toml\" line 4: `most` must be a whole number from 1 to 100, but is 1e+308",
            &format!("user file \"user.toml\" line 6: `each.a.wait_ms` {wait} 11"),
            &format!("user file \"user.toml\" line 8: `each.b.wait_ms` {wait} not a number"),
            "environment variable APP_ROUNDS: `rounds` must be a whole number from 1 to 50, but is out of range",
        ]
    );
}

#[test]
fn a_unit_is_understood_in_every_layer_and_the_number_keeps_its_place() {
    let snapshot = BTreeMap::from([
        ("APP_SIZE".to_owned(), "64kb".to_owned()),
        ("APP_MOST".to_owned(), "7".to_owned()),
    ]);
    let environment = Environment::new(
        "APP_",
        [("APP_SIZE", "size_bytes"), ("APP_MOST", "most")],
        snapshot,
    );
    let resolved = limited()
        .user_file(&user(
            "\nwait_ms = '5s'\nrounds = 3\n[each.x]\nwait_ms = '10ms'",
        ))
        .environment(&environment)
        .resolve::<Numbers>()
        .unwrap();
    let value = &resolved.value;
    assert_eq!(
        (
            value.wait_ms,
            value.size_bytes,
            value.rounds,
            value.most,
            value.each["x"].wait_ms
        ),
        (5_000, 65_536, 3, Some(7), 10)
    );
    assert_eq!(resolved.origin("wait_ms").unwrap().line(), Some(2));
    assert_eq!(
        resolved.origin("size_bytes").unwrap().variable(),
        Some("APP_SIZE")
    );
}

#[test]
fn a_secret_where_an_amount_belongs_is_in_no_fault() {
    for secret in ["7sk-canary-0123", "123canarycanarycanary", "canary"] {
        let error = limited()
            .user_file(&user(&format!("wait_ms = '{secret}'\nrounds = '{secret}'")))
            .resolve::<Numbers>()
            .unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "{error:?}"
        );
    }
}

#[test]
fn what_a_layer_may_not_set_is_a_fault_beside_the_others_and_other_layers_may() {
    let permit = |key: &Key, value: &serde_json::Value| {
        let harmless = *key == Key::from("model") || value == "x";
        if harmless {
            Ok(())
        } else {
            Err("not from here")
        }
    };
    let file = SourceFile::toml(
        "p.toml",
        "model = 'm'\nmode = 'careful'\n[lock]\nmax_hold = '2h'\n",
    );
    let layers = || {
        Layers::new()
            .defaults(&defaults())
            .permit(Layer::ProjectFile, permit)
    };
    let error = layers()
        .project_file(&file)
        .resolve::<Settings>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "project file \"p.toml\" line 2: `mode`: not from here\nproject file \"p.toml\" line 4: `lock.max_hold`: not from here"
    );
    let other = SourceFile::toml("u.toml", "mode = 'careful'");
    assert!(layers().user_file(&other).resolve::<Settings>().is_ok());
}

#[test]
fn a_trail_tells_every_layer_that_spoke_and_shows_no_value_where_it_is_debugged() {
    let resolved = Layers::new()
        .defaults(&defaults())
        .user_file(&user("\nmodel = 'canary'"))
        .environment(&environment(&[("APP_MODEL", "m")]))
        .resolve::<Settings>()
        .unwrap();
    let trail = resolved.trail(&Key::from("model"));
    let said: Vec<_> = trail
        .iter()
        .map(|saying| (saying.origin.to_string(), saying.value.as_str().unwrap()))
        .collect();
    assert_eq!(
        said.iter()
            .map(|(origin, value)| (origin.as_str(), *value))
            .collect::<Vec<_>>(),
        [
            ("defaults", "small"),
            ("user file \"user.toml\" line 2", "canary"),
            ("environment variable APP_MODEL", "m")
        ]
    );
    assert!(!format!("{trail:?}").contains("canary"));
    assert!(resolved.trail(&Key::from("no.such")).is_empty());
}
