//! Properties of resolution on made-up layers: the greatest layer wins and says so, and no text brings it down.

use std::collections::BTreeMap;

use latchwork_config::{
    Environment, Key, Layer, Layers, Origin, PeerKey, Place, Range, SourceFile, Unit,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Settings {
    a: u32,
    list: Vec<String>,
    table: Table,
    map: BTreeMap<String, Table>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Table {
    b: String,
    c: Option<f64>,
}

/// For each layer above the defaults, what it sets `a` and `table.b` to, if anything.
type Said = [(Option<u32>, Option<u32>); 6];

const LAYERS: [Layer; 6] = [
    Layer::SystemFile,
    Layer::UserFile,
    Layer::ProjectFile,
    Layer::PeerFile,
    Layer::Environment,
    Layer::CommandLine,
];

/// Whether each file has a line more above: lines are counted, not guessed.
type Shifts = [bool; 6];

fn toml(place: usize, said: (Option<u32>, Option<u32>), shifted: bool) -> SourceFile {
    let above = if shifted { "# more\n" } else { "" };
    let a = said.0.map_or_else(String::new, |a| format!("a = {a}\n"));
    let b = said
        .1
        .map_or_else(String::new, |b| format!("[table]\nb = 'b{b}'\n"));
    SourceFile::toml(format!("f{place}.toml"), format!("{above}{a}{b}"))
}

/// The line that the value stands on in the file of [`toml`]: `a` first, then the head of the table, then `b`.
fn line(said: (Option<u32>, Option<u32>), shifted: bool, is_a: bool) -> usize {
    1 + usize::from(shifted)
        + if is_a {
            0
        } else {
            usize::from(said.0.is_some()) + 1
        }
}

/// Another program's file knows a number only.
fn peer(said: (Option<u32>, Option<u32>), shifted: bool) -> SourceFile {
    let above = if shifted { "\n" } else { "" };
    let a = said.0.map_or_else(String::new, |a| format!("a: {a}"));
    SourceFile::named("peer.json5", format!("{above}{{ theirs: {{ {a} }} }}"))
}

/// The layers, told in this order.
fn layers(said: &Said, shifts: Shifts, order: &[usize]) -> Layers {
    let mut snapshot = BTreeMap::new();
    snapshot.extend(said[4].0.map(|a| ("APP_A".to_owned(), a.to_string())));
    snapshot.extend(said[4].1.map(|b| ("APP_B".to_owned(), format!("b{b}"))));
    let environment = Environment::new("APP_", [("APP_A", "a"), ("APP_B", "table.b")], snapshot);
    let known = [PeerKey {
        theirs: Key::from("theirs.a"),
        ours: Key::from("a"),
        range: Range::new(&(0..=u64::from(u32::MAX)), Unit::Count),
    }];
    order
        .iter()
        .fold(Layers::new(), |layers, place| match *place {
            0 => layers.system_file(&toml(0, said[0], shifts[0])),
            1 => layers.user_file(&toml(1, said[1], shifts[1])),
            2 => layers.project_file(&toml(2, said[2], shifts[2])),
            3 => layers.peer_file(&peer(said[3], shifts[3]), &known),
            4 => layers.environment(&environment),
            5 => {
                let layers = said[5]
                    .0
                    .into_iter()
                    .fold(layers, |layers, a| layers.flag("--a", "a", &a));
                let b = said[5].1.into_iter();
                b.fold(layers, |layers, b| {
                    layers.flag("--b", "table.b", &format!("b{b}"))
                })
            }
            _ => layers.defaults(&Settings::default()),
        })
}

/// The greatest layer that says something, and what it says.
fn greatest(
    said: impl DoubleEndedIterator<Item = Option<u32>> + ExactSizeIterator,
) -> (Layer, Option<u32>) {
    let spoken = said.zip(LAYERS).rev().find(|(said, _)| said.is_some());
    spoken.map_or((Layer::Defaults, None), |(said, layer)| (layer, said))
}

/// Where a value of this layer stands.
fn place(layer: Layer, said: &Said, shifts: Shifts, is_a: bool) -> Place {
    let Some(at) = LAYERS.iter().position(|one| *one == layer) else {
        return Place::Program;
    };
    let (said, shifted) = (said[at], shifts[at]);
    match layer {
        Layer::Environment => Place::Variable(if is_a { "APP_A" } else { "APP_B" }.to_owned()),
        Layer::CommandLine => Place::Flag(if is_a { "--a" } else { "--b" }.to_owned()),
        Layer::PeerFile => Place::File {
            path: "peer.json5".into(),
            line: 1 + usize::from(shifted),
        },
        _ => Place::File {
            path: format!("f{at}.toml").into(),
            line: line(said, shifted, is_a),
        },
    }
}

/// Lines that are TOML or nearly so, with names that mean something and names that do not.
fn nearly_toml() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("a"),
        Just("list"),
        Just("table"),
        Just("table.b"),
        Just("map.x.c"),
        Just("odd"),
        Just("''")
    ];
    let value = prop_oneof![
        Just("1"),
        Just("-1"),
        Just("1e9"),
        Just("nan"),
        Just("'x'"),
        Just("true"),
        Just("[]"),
        Just("['x', 1]"),
        Just("{}"),
        Just("{ b = 1, c = [[]] }"),
        Just("1979-05-27"),
        Just("[{ b = 'x' }]"),
        Just("="),
    ];
    let line = prop_oneof![
        4 => (name.clone(), value).prop_map(|(name, value)| format!("{name} = {value}")),
        1 => name.clone().prop_map(|name| format!("[{name}]")),
        1 => name.prop_map(|name| format!("[[{name}]]")),
    ];
    prop::collection::vec(line, 0..6).prop_map(|lines| lines.join("\n"))
}

/// What one file says, as JSON.
fn saying() -> impl Strategy<Value = Value> {
    let table = || {
        (prop::option::of("[a-c]{0,2}"), prop::option::of(0..9_u8)).prop_map(|(b, c)| {
            let b = b.map(|b| ("b".to_owned(), Value::from(b)));
            let c = c.map(|c| ("c".to_owned(), Value::from(f64::from(c) + 0.5)));
            Value::Object(b.into_iter().chain(c).collect())
        })
    };
    let list = prop::collection::vec("[a-c]", 0..3).prop_map(Value::from);
    let map = prop::collection::btree_map("[x-z]", table(), 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    let all = (
        prop::option::of((0..9_u32).prop_map(Value::from)),
        prop::option::of(list),
        prop::option::of(table()),
        prop::option::of(map),
    );
    all.prop_map(|(a, list, table, map)| {
        let named = [("a", a), ("list", list), ("table", table), ("map", map)];
        let said = named
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(said.collect())
    })
}

/// The second over the first: tables name by name, anything else whole.
fn over(below: &Value, above: &Value) -> Value {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            let mut merged = below.clone();
            for (name, value) in above {
                let value = below
                    .get(name)
                    .map_or_else(|| value.clone(), |old| over(old, value));
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        _ => above.clone(),
    }
}

proptest! {
    #[test]
    fn it_makes_no_difference_which_layers_are_merged_first(a in saying(), b in saying(), c in saying()) {
        let file = |value: &Value| SourceFile::named("f.json", value.to_string());
        let resolve = |files: [Value; 3]| {
            let [a, b, c] = files.map(|value| file(&value));
            let layers = Layers::new().defaults(&Settings::default());
            let layers = layers.system_file(&a).user_file(&b).project_file(&c);
            layers.resolve::<Settings>().unwrap().value
        };
        let nothing = || Value::Object(Default::default());
        let apart = resolve([a.clone(), b.clone(), c.clone()]);
        prop_assert_eq!(&apart, &resolve([over(&a, &b), nothing(), c.clone()]));
        prop_assert_eq!(&apart, &resolve([a.clone(), nothing(), over(&b, &c)]));
    }

    #[test]
    fn the_greatest_layer_that_speaks_wins_whoever_is_told_first_and_the_origin_leads_to_it(
        said in any::<Said>(),
        shifts in any::<Shifts>(),
        order in Just((0..=6).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let mut said = said;
        said[3].1 = None;
        let resolved = layers(&said, shifts, &order).resolve::<Settings>().unwrap();
        let (layer, a) = greatest(said.iter().map(|said| said.0));
        prop_assert_eq!(resolved.value.a, a.unwrap_or_default());
        let origin = |key: &str| resolved.origin(key).unwrap().clone();
        prop_assert_eq!(origin("a"), Origin { layer, place: place(layer, &said, shifts, true) });
        let (layer, b) = greatest(said.iter().map(|said| said.1));
        prop_assert_eq!(&resolved.value.table.b, &b.map_or_else(String::new, |b| format!("b{b}")));
        prop_assert_eq!(origin("table.b"), Origin { layer, place: place(layer, &said, shifts, false) });
        // Whoever spoke stands in the trail, lowest first.
        let spoke = said.iter().zip(LAYERS).filter(|(said, _)| said.0.is_some()).map(|(_, layer)| layer);
        let spoke: Vec<Layer> = std::iter::once(Layer::Defaults).chain(spoke).collect();
        let trail: Vec<Layer> = resolved.trail(&Key::from("a")).iter().map(|saying| saying.origin.layer).collect();
        prop_assert_eq!(trail, spoke);
    }

    #[test]
    fn any_text_as_a_file_or_a_variable_is_an_answer_or_a_fault_with_a_place(
        file in prop_oneof![any::<String>(), nearly_toml()],
        other in nearly_toml(),
        variable in any::<String>(),
    ) {
        let snapshot = BTreeMap::from([("APP_A".to_owned(), variable.clone()), ("APP_L".to_owned(), variable)]);
        let answer = Layers::new()
            .defaults(&Settings::default())
            .user_file(&SourceFile::toml("u.toml", file))
            .project_file(&SourceFile::toml("p.toml", other))
            .environment(&Environment::new("APP_", [("APP_A", "a"), ("APP_L", "list")], snapshot))
            .resolve::<Settings>();
        if let Err(error) = answer {
            prop_assert!(!error.faults.is_empty());
            let told = error.to_string();
            prop_assert!(!told.contains("defaults of this program"), "{}", told);
            prop_assert!(!told.chars().any(|c| c.is_control() && c != '\n'), "{:?}", told);
        }
    }
}
