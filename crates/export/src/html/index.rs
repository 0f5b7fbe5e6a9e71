//! What the page knows of every entry before it opens any: a column for each fact.
//!
//! It is written last, since all of it is known only when every entry was read.
//! Limits: some 30 bytes of memory and of page for each entry.

use std::collections::HashMap;
use std::io::Write as _;

use latchwork_format::Usage;

use super::json::{Object, push_list, push_string};
use crate::chosen::{Chosen, NONE};
use crate::told::{Told, Voice};

/// The columns, and what is known of few entries only.
#[derive(Debug, Default)]
pub(crate) struct Index {
    voices: Vec<u8>,
    times: Vec<Option<i64>>,
    /// How much text an entry has, in bytes of its JSON: an estimate of its height.
    sizes: Vec<u32>,
    /// For entries that have one: place, model, usage.
    usage: Vec<(u32, u32, Usage)>,
    models: Vec<String>,
    numbers: HashMap<String, u32>,
    /// The places where entries are lost right above.
    gaps: Vec<u32>,
    /// The place that each chunk begins with.
    chunks: Vec<u32>,
}

impl Index {
    /// The place of the next entry.
    pub(crate) fn next(&self) -> u32 {
        u32::try_from(self.voices.len()).unwrap_or(NONE)
    }

    pub(crate) fn begin_chunk(&mut self) {
        self.chunks.push(self.next());
    }

    pub(crate) fn add(&mut self, told: &Told<'_>, bytes: usize, is_bridged: bool) {
        let place = self.next();
        if is_bridged || told.voice == Voice::Gap {
            self.gaps.push(place);
        }
        if let Some(usage) = told.usage {
            let provider = told.provider.as_deref().unwrap_or_default();
            let model = self.number_of(provider, told.model.as_deref().unwrap_or_default());
            self.usage.push((place, model, usage));
        }
        self.voices.push(told.voice as u8);
        self.times.push(told.time);
        self.sizes.push(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    fn number_of(&mut self, provider: &str, model: &str) -> u32 {
        let name = match (provider, model) {
            ("", model) => model.to_owned(),
            (provider, model) => format!("{provider}/{model}"),
        };
        let next = u32::try_from(self.models.len()).unwrap_or(NONE);
        *self.numbers.entry(name.clone()).or_insert_with(|| {
            self.models.push(name);
            next
        })
    }

    /// Writes all of it into an object.
    pub(crate) fn write(&self, object: &mut Object<'_>, chosen: &Chosen, labels: &[(u32, String)]) {
        let voices = Voice::ALL.map(Voice::name);
        push_list(object.field("voices"), voices, |out, name| {
            push_string(out, name);
        });
        push_list(object.field("voice"), &self.voices, number);
        push_list(object.field("time"), &self.times, |out, time| match time {
            Some(time) => number(out, time),
            None => out.push(b'0'),
        });
        push_list(object.field("size"), &self.sizes, number);
        // How far up the parent is; 0 at a root: nearly every entry's is the one before it.
        let up = (0_i64..).zip(&chosen.parents);
        push_list(object.field("up"), up, |out, (place, parent)| {
            number(
                out,
                if *parent == NONE {
                    0
                } else {
                    place - i64::from(*parent)
                },
            );
        });
        push_list(object.field("chunks"), &self.chunks, number);
        push_list(object.field("gaps"), &self.gaps, number);
        push_list(object.field("models"), &self.models, |out, name| {
            push_string(out, name);
        });
        push_list(object.field("usage"), &self.usage, |out, row| {
            push_usage(out, row);
        });
        push_list(object.field("labels"), labels, |out, (place, label)| {
            out.push(b'[');
            number(out, place);
            out.push(b',');
            push_string(out, label);
            out.push(b']');
        });
    }
}

fn number(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    // A vector takes whatever is written.
    let _ = write!(out, "{number}");
}

/// Place, model, input, output, cache read, cache written, dollars.
fn push_usage(out: &mut Vec<u8>, (place, model, usage): &(u32, u32, Usage)) {
    let tokens = [
        usage.input,
        usage.output,
        usage.cache_read,
        usage.cache_write,
    ];
    let _ = write!(out, "[{place},{model}");
    for count in tokens {
        let _ = write!(out, ",{count}");
    }
    match usage.cost_total {
        Some(cost) => {
            let _ = write!(out, ",{cost}]");
        }
        None => out.extend_from_slice(b",null]"),
    }
}
