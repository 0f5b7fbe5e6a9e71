//! Rows that nobody changed keep their text; no bytes make us panic or overwrite anything.

use latchwork_openclaw::{Activity, Patch, Patched, SessionsJson};
use proptest::prelude::*;
use serde_json::value::RawValue;

use crate::bench::*;

/// Any JSON value, spelled in ways that a reader might tidy up.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1.50E+2".to_owned()),
        Just("-0".to_owned()),
        Just("12345678901234567890123".to_owned()),
        Just("\"\\ud800\\u0041\\/\"".to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4)
            .prop_map(|items| format!("[ {}]", items.join(" ,\n ")));
        let object = prop::collection::vec(("[a-z]{1,3}", inner), 0..4).prop_map(|fields| {
            let fields: Vec<_> = fields
                .iter()
                .map(|(key, value)| format!("\"{key}\" :{value}"))
                .collect();
            format!("{{\t{}}}", fields.join(","))
        });
        prop_oneof![list, object]
    })
}

fn row() -> impl Strategy<Value = String> {
    let usual = ("[a-z0-9]{1,8}", 0..2_000_000_000_000_i64, value()).prop_map(|(id, at, rest)| {
        format!("{{\"sessionId\":\"{id}\", \"updatedAt\": {at}.0 ,\"x\":{rest}}}")
    });
    prop_oneof![3 => usual, 1 => value()]
}

fn store() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("(agent:main:)?[A-Za-z:\u{e9}]{1,6}", row()), 0..12)
}

fn spelled(rows: &[(String, String)]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|(key, row)| format!("{}: {row}", serde_json::to_string(key).unwrap()))
        .collect();
    format!("{{{}}}\n", rows.join("\n,"))
}

fn texts(rows: &SessionsJson) -> Vec<(String, String)> {
    rows.rows()
        .map(|row| (row.key().to_owned(), row.text().to_owned()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_update_of_one_row_leaves_the_text_of_every_other_as_it_was(rows in store(), new in "[a-z0-9]{1,8}") {
        let bench = Bench::with(spelled(&rows));
        let index = bench.index();
        block_on(index.update(WAIT, |rows| put(rows, "the:one", &new, 7))).unwrap();
        let after = SessionsJson::parse(&bench.text()).unwrap();
        let mut expected = rows.clone();
        expected.retain(|(key, _)| key != "the:one");
        let mut found = texts(&after);
        let at = found.iter().position(|(key, _)| key == "the:one").unwrap();
        let (_, text) = found.remove(at);
        prop_assert!(text.contains(&new));
        prop_assert_eq!(found, expected);
        let ends_line = bench.text().ends_with('\n');
        prop_assert!(ends_line);
    }

    #[test]
    fn a_patch_changes_its_fields_and_no_other_text(rows in store(), pick in any::<prop::sample::Index>(), at in 0..2_000_000_000_000_i64) {
        let mut now = SessionsJson::parse(&spelled(&rows)).unwrap();
        prop_assume!(!rows.is_empty());
        let key = pick.get(&rows).0.clone();
        let old = now.get(&key).unwrap().clone();
        let patch = Patch::new().text("label", "new");
        let patched = now.patch(&key, &patch, Activity::Now, at);
        if old.malformed().is_some() {
            prop_assert_eq!(patched, Patched::Malformed);
            prop_assert!(!now.is_changed());
        } else {
            prop_assert_eq!(patched, Patched::Changed);
            let row = now.get(&key).unwrap();
            prop_assert_eq!(row.updated_at(), old.updated_at().max(Some(at)));
            let fields = |text: &str| {
                let value: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str::<std::collections::BTreeMap<String, Box<RawValue>>>(text)
                        .unwrap().into_iter().map(|(key, value)| (key, value.get().into())).collect();
                value
            };
            let (mut before, mut after) = (fields(old.text()), fields(row.text()));
            for field in ["updatedAt", "label"] {
                before.remove(field);
                after.remove(field);
            }
            prop_assert_eq!(before, after);
            let others = |rows: &SessionsJson| {
                let mut texts = texts(rows);
                texts.retain(|(other, _)| latchwork_openclaw::normalized(other) != latchwork_openclaw::normalized(&key));
                texts
            };
            prop_assert_eq!(others(&now), others(&SessionsJson::parse(&spelled(&rows)).unwrap()));
        }
    }

    #[test]
    fn bytes_that_are_no_store_are_never_overwritten(bytes in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        "[\\[\\]{}\":, a0-9]{0,40}".prop_map(String::into_bytes),
        store().prop_flat_map(|rows| {
            let text = spelled(&rows).into_bytes();
            (0..text.len()).prop_map(move |cut| text[..cut].to_vec())
        }),
    ]) {
        let is_object = std::str::from_utf8(&bytes).is_ok_and(|text| SessionsJson::parse(text).is_ok());
        let bench = Bench::with(&bytes);
        let index = bench.index();
        let updated = block_on(index.update(WAIT, |rows| put(rows, "new", "s", 1)));
        prop_assert_eq!(updated.is_ok(), is_object, "{:?}", updated.map(|done| done.written));
        if !is_object {
            prop_assert_eq!(std::fs::read(bench.path()).unwrap(), bytes);
            prop_assert!(index.read().is_err());
        }
        prop_assert!(bench.temporaries().is_empty());
    }
}
