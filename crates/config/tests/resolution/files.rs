//! Files of each format, and a file of another program.

use super::*;

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
