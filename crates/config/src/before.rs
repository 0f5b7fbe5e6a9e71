//! What is asked of layers before serde reads them: numbers against their ranges, and what a layer may set at all.

use serde_json::Value;

use crate::{
    Key, Layer,
    fault::Fault,
    limit::{Limit, Verdict, judge},
    merge::Merged,
    source::Source,
};

/// Whether a layer may set a setting to a value; if not, why.
pub(crate) type Permit = fn(&Key, &Value) -> Result<(), &'static str>;

/// Holds the numbers against their ranges: what spells a number becomes it, what is outside is noted and taken out. True if
/// something was changed.
pub(crate) fn hold_against(
    limits: &[Limit],
    merged: &Merged,
    sources: &mut [Source],
    faults: &mut Vec<Fault>,
) -> bool {
    let mut changed = false;
    for Limit { key, range } in limits {
        for key in merged.matching(key) {
            let source = merged
                .source_of(&key)
                .and_then(|index| sources.get_mut(index));
            let Some(source) = source.filter(|source| source.layer != Layer::Defaults) else {
                continue;
            };
            let Some(value) = source.get(&key) else {
                continue;
            };
            let (origin, range) = (source.origin(&key), *range);
            let fault = match judge(value, &range, source.layer) {
                Verdict::Fits => continue,
                Verdict::Means(number) => {
                    source.set(&key, number, origin.place);
                    changed = true;
                    continue;
                }
                Verdict::Outside(found) => Fault::OutOfRange {
                    origin,
                    key: key.clone(),
                    range,
                    found,
                },
                Verdict::NoAmount(why) => Fault::NoAmount {
                    origin,
                    key: key.clone(),
                    range,
                    why,
                },
            };
            faults.push(fault);
            changed |= source.remove(&key);
        }
    }
    changed
}

/// Takes out what the layer may not set.
pub(crate) fn refused(source: &mut Source, permit: Permit) -> Vec<Fault> {
    let refused = source.leaves().into_iter().filter_map(|(key, value)| {
        let why = permit(&key, value).err()?;
        Some((key, why))
    });
    let refused: Vec<_> = refused.collect();
    let fault = |(key, why): (Key, &str)| {
        let origin = source.origin(&key);
        source.remove(&key);
        Fault::Invalid {
            origin,
            key,
            why: why.to_owned(),
        }
    };
    refused.into_iter().map(fault).collect()
}

/// Numbers that no setting can be.
pub(crate) fn odd_numbers(source: &Source, limits: &[Limit]) -> impl Iterator<Item = Fault> {
    source.oddities.iter().map(|(key, odd)| {
        let (origin, key, found) = (source.origin(key), key.clone(), odd.to_string());
        match limits.iter().find(|limit| limit.is_for(&key)) {
            Some(&Limit { range, .. }) => Fault::OutOfRange {
                origin,
                key,
                range,
                found,
            },
            None => Fault::WrongType {
                origin,
                key,
                expected: "a finite number of at most 64 bits".to_owned(),
                found,
            },
        }
    })
}
