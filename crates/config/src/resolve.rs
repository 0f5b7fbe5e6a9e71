//! Resolution: layers in, one value with its origins out, or everything that is wrong. Pure: the same layers always
//! give the same answer.
//!
//! serde stops at the first misfit. To find them all, each is noted, the value taken out of its layer, and the rest read
//! again; the defaults underneath make that end. A value that a higher layer shadows is not looked at.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    Environment, Key, Layer, Origin, PeerKey, Place, Range, SourceFile,
    before::{Permit, hold_against, odd_numbers, refused},
    fault::{ConfigError, Fault, Warning},
    limit::Limit,
    merge::{Merged, Misfit, What},
    resolved::{Resolved, trail},
    source::Source,
    suggest::nearest,
    toml_file::reinterpret,
};

/// After this many faults the rest can wait for the next run.
const MAX_FAULTS: usize = 50;

/// The layers of a configuration, collected in any order.
#[derive(Debug, Default)]
#[must_use = "layers are nothing until they are resolved"]
pub struct Layers {
    sources: Vec<Source>,
    limits: Vec<Limit>,
    permits: Vec<(Layer, Permit)>,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl Layers {
    /// No layer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lowest layer: a value of the settings' type as the program would use it when told nothing.
    pub fn defaults(mut self, defaults: &impl Serialize) -> Self {
        let mut source = Source::new(Layer::Defaults);
        match serde_json::to_value(defaults) {
            Ok(Value::Object(tree)) => source.tree = tree,
            Ok(_) => self.faults.push(Fault::Defaults {
                why: "they are not a table".to_owned(),
            }),
            Err(error) => self.faults.push(Fault::Defaults {
                why: error.to_string(),
            }),
        }
        self.sources.push(source);
        self
    }

    /// The file of the machine's administrator.
    pub fn system_file(self, file: &SourceFile) -> Self {
        self.file(Layer::SystemFile, file)
    }

    /// The user's file.
    pub fn user_file(self, file: &SourceFile) -> Self {
        self.file(Layer::UserFile, file)
    }

    /// The file of the directory that is worked in.
    pub fn project_file(self, file: &SourceFile) -> Self {
        self.file(Layer::ProjectFile, file)
    }

    /// A file of another program, of which these values are ours too. The rest is not looked at, and a value that cannot
    /// be used is a warning.
    pub fn peer_file(mut self, file: &SourceFile, keys: &[PeerKey]) -> Self {
        let source = Source::from_peer(file, keys, &mut self.faults, &mut self.warnings);
        self.sources.push(source);
        self
    }

    fn file(mut self, layer: Layer, file: &SourceFile) -> Self {
        let source = Source::from_file(layer, file, &mut self.faults);
        self.sources.push(source);
        self
    }

    /// The environment. Its texts are read as the type that the setting asks for.
    pub fn environment(mut self, environment: &Environment) -> Self {
        self.sources.push(environment.read());
        self.warnings.extend(environment.warnings());
        self
    }

    /// A flag of the command line. A text is read as the type that the setting asks for.
    pub fn flag(mut self, flag: &str, key: impl Into<Key>, value: &impl Serialize) -> Self {
        let key = key.into();
        let mut source = Source::new(Layer::CommandLine);
        let place = Place::Flag(flag.to_owned());
        match serde_json::to_value(value) {
            Ok(value) => source.set(&key, value, place),
            Err(error) => {
                let origin = Origin {
                    layer: Layer::CommandLine,
                    place,
                };
                self.faults.push(Fault::Invalid {
                    origin,
                    key,
                    why: error.to_string().escape_debug().to_string(),
                });
            }
        }
        self.sources.push(source);
        self
    }

    /// What numbers may be. A segment `*` of a key stands for any name. Where milliseconds or bytes are counted, a text with
    /// a unit means its number.
    pub fn limits<K: Into<Key>>(mut self, limits: impl IntoIterator<Item = (K, Range)>) -> Self {
        let limits = limits.into_iter().map(|(key, range)| Limit {
            key: key.into(),
            range,
        });
        self.limits.extend(limits);
        self
    }

    /// What a layer may set. It is asked for each value that is no table; what it refuses is a fault.
    pub fn permit(
        mut self,
        layer: Layer,
        permit: fn(&Key, &Value) -> Result<(), &'static str>,
    ) -> Self {
        self.permits.push((layer, permit));
        self
    }

    /// Merges the layers by their precedence (of two of one layer the later given wins) and reads the settings.
    ///
    /// # Errors
    /// Everything that is wrong with them: syntax, unknown names, types, values, missing settings. Names below
    /// `#[serde(flatten)]` cannot be told from unknown ones by serde and pass.
    pub fn resolve<T: DeserializeOwned + Serialize>(self) -> Result<Resolved<T>, ConfigError> {
        let Self {
            mut sources,
            limits,
            permits,
            mut faults,
            warnings,
        } = self;
        sources.sort_by_key(|source| source.layer);
        for source in &sources {
            faults.extend(odd_numbers(source, &limits));
        }
        for (layer, permit) in permits {
            let of_layer = sources.iter_mut().filter(|source| source.layer == layer);
            of_layer.for_each(|source| faults.extend(refused(source, permit)));
        }
        let (merged, read) = read_through(&mut sources, &limits, &mut faults);
        if let Some((value, ignored)) = &read {
            faults.extend(unknown_keys(&sources, value, ignored));
        }
        match read {
            Some((value, _)) if faults.is_empty() => {
                let leaves = merged.leaves().into_iter();
                let trails = leaves
                    .map(|(key, winner)| {
                        let trail = trail(&sources, &key, winner);
                        (key, trail)
                    })
                    .collect();
                Ok(Resolved {
                    value,
                    warnings,
                    trails,
                })
            }
            _ => {
                faults.sort_by_cached_key(|fault| {
                    fault
                        .origin()
                        .map(|origin| (origin.layer, origin.line(), origin.to_string()))
                });
                Err(ConfigError { faults })
            }
        }
    }
}

/// Reads until nothing is in the way any more; None if something stays in it.
fn read_through<T: DeserializeOwned>(
    sources: &mut [Source],
    limits: &[Limit],
    faults: &mut Vec<Fault>,
) -> (Merged, Option<(T, Vec<Key>)>) {
    loop {
        let merged = Merged::of(sources);
        if hold_against(limits, &merged, sources, faults) && faults.len() < MAX_FAULTS {
            continue;
        }
        match merged.read() {
            Ok(read) => return (merged, Some(read)),
            Err(misfit) => {
                if !mend(sources, &merged, misfit, faults) || faults.len() >= MAX_FAULTS {
                    return (merged, None);
                }
            }
        }
    }
}

/// Makes way for the next reading: a text becomes what it spells, or the misfit is noted and taken out. False if neither
/// is possible.
fn mend(sources: &mut [Source], merged: &Merged, misfit: Misfit, faults: &mut Vec<Fault>) -> bool {
    let key = merged.existing(&misfit.key);
    let source = merged
        .source_of(&key)
        .filter(|_| !key.is_root())
        .and_then(|index| sources.get_mut(index));
    let Some(source) = source.filter(|source| source.layer != Layer::Defaults) else {
        faults.push(nobodys_fault(misfit));
        return false;
    };
    if let Some(value) = spelled(source, &key, &misfit.what) {
        let place = source.origin(&key).place;
        source.set(&key, value, place);
        return true;
    }
    faults.push(fault(source.origin(&misfit.key), misfit));
    remove_nearest(source, key)
}

/// A list is one value: what is wrong inside it takes it out whole.
fn remove_nearest(source: &mut Source, mut key: Key) -> bool {
    while !source.remove(&key) {
        match key.parent() {
            Some(parent) => key = parent,
            None => return false,
        }
    }
    true
}

/// What a text of the environment or the command line spells, where text does not fit.
fn spelled(source: &Source, key: &Key, what: &What) -> Option<Value> {
    if matches!(what, What::Type { .. }) {
        reinterpret(source.typed_text(key)?)
    } else {
        None
    }
}

fn fault(origin: Origin, Misfit { key, what }: Misfit) -> Fault {
    match what {
        What::Type { expected, found } => Fault::WrongType {
            origin,
            key,
            expected,
            found,
        },
        What::Unknown { known } => {
            let siblings = nearest(key.last(), known.iter().copied());
            let suggestion = siblings.and_then(|name| Some(key.parent()?.child(name)));
            Fault::UnknownKey {
                origin,
                key,
                suggestion,
            }
        }
        What::Missing { field } => Fault::Missing {
            origin,
            key: key.child(field),
        },
        What::Other { why } => Fault::Invalid { origin, key, why },
    }
}

/// What no layer of the user's has put there.
fn nobodys_fault(Misfit { key, what }: Misfit) -> Fault {
    let why = match what {
        What::Missing { field } => {
            let origin = Origin {
                layer: Layer::Defaults,
                place: Place::Program,
            };
            return Fault::Missing {
                origin,
                key: key.child(field),
            };
        }
        What::Type { expected, found } => format!("`{key}` must be {expected}, but is {found}"),
        What::Unknown { .. } => format!("there is no setting `{key}`"),
        What::Other { why } => format!("`{key}`: {why}"),
    };
    Fault::Defaults { why }
}

/// A name that nobody reads is a fault in each layer that has it; what the defaults say too much is not the user's.
fn unknown_keys(sources: &[Source], value: &impl Serialize, ignored: &[Key]) -> Vec<Fault> {
    let known = serde_json::to_value(value).unwrap_or_default();
    let mut faults = Vec::new();
    for key in ignored {
        let holders = sources
            .iter()
            .filter(|s| s.layer != Layer::Defaults && s.get(key).is_some());
        faults.extend(holders.map(|source| Fault::UnknownKey {
            origin: source.origin(key),
            key: key.clone(),
            suggestion: suggestion(&known, key),
        }));
    }
    faults
}

/// The nearest name in the same table, else the same name in another one.
fn suggestion(known: &Value, key: &Key) -> Option<Key> {
    let parent = key.parent()?;
    let table = parent
        .segments()
        .iter()
        .try_fold(known, |value, name| value.get(name));
    let siblings = table
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str);
    let sibling = nearest(key.last(), siblings).map(|name| parent.child(name));
    sibling.or_else(|| find_name(known, key.last(), &Key::default()))
}

fn find_name(known: &Value, name: &str, at: &Key) -> Option<Key> {
    let table = known.as_object()?;
    if table.contains_key(name) {
        return Some(at.child(name));
    }
    table
        .iter()
        .find_map(|(table, inner)| find_name(inner, name, &at.child(table)))
}
