//! What a number may be, in every layer.

use super::*;

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
