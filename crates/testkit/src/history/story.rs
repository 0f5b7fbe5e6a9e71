//! What the writers said that they did and were told, in events.
//!
//! An event is a JSON object with `t`, a number that orders it (nanoseconds since boot, or a count), and, where a moment of
//! failure is told otherwise, `op`. A call is logged before it is made, and its end as soon as it is known:
//!
//! | event | meaning |
//! |---|---|
//! | `{"call":C,"entries":[{"nonce","body","key"?}]}` | these entries are sent, `body` as the text that must stand in the file |
//! | the same with `"anew":"rewrite"\|"repair"\|"mend"` | the call writes anew what is there: the first entry replaces another and those behind it are copied; the whole file; its end |
//! | `{"done":C,"placed":[{"id","new"}]}` | the call returned; where each entry stands, and whether this call wrote it |
//! | `{"failed":C,"unknown":bool,"why"}` | the call returned an error |
//! | `{"ack":C,"level":"process"\|"device"}` | it was acknowledged |
//! | `{"accept":C,"key","body"}`, `{"accepted":C}` | a message for the inbox |
//! | `{"fork":C,"to"}`, `{"forked":C}` | a new session |
//! | `{"peering":N,"line"}`, `{"peer":N,"line"}` | a program that takes no lock is about to write this line; has written it, whole |
//! | `{"sick":true}` | from now on a sync may fail: what was not made durable may be dropped by the system |
//! | `{"read":through,"last":id}` | a reader saw everything before this place; the last entry there |

use std::collections::HashMap;

use serde_json::Value;

/// One entry of a call.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub nonce: String,
    pub body: Vec<u8>,
    pub key: Option<String>,
}

/// When something happened: in order, and against the moment of the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct When {
    pub t: u64,
    pub op: u64,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    Done(Vec<(String, bool)>),
    Failed { unknown: bool },
}

/// What was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Process,
    Device,
}

/// What a call writes that was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anew {
    /// Entries of a branch, with other ids.
    Rewrite,
    /// The whole file, of what can be read.
    Repair,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub name: String,
    pub began: When,
    pub sent: Vec<Sent>,
    pub anew: Option<Anew>,
    pub end: Option<(When, End)>,
    pub acked: Vec<(When, Level)>,
}

#[derive(Clone, Debug)]
pub(super) struct Acceptance {
    pub key: String,
    pub body: Vec<u8>,
    pub acked: Option<When>,
}

#[derive(Clone, Debug)]
pub(super) struct Fork {
    pub to: String,
    pub acked: Option<When>,
}

/// What some writers did, one after the other or at once.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub(super) calls: Vec<Call>,
    pub(super) by_nonce: HashMap<String, (usize, usize)>,
    pub(super) accepted: Vec<Acceptance>,
    pub(super) forks: Vec<Fork>,
    /// With whether it was written, or was about to be.
    pub(super) peers: Vec<(When, Vec<u8>, bool)>,
    pub(super) sick: Option<u64>,
    pub(super) reads: Vec<(When, usize, Option<String>)>,
}

impl Story {
    /// From events, in any order between writers. What is no event of the table is passed over.
    #[must_use]
    pub fn of(events: impl IntoIterator<Item = Value>) -> Self {
        let mut story = Self::default();
        let mut names = HashMap::new();
        let mut events: Vec<Value> = events.into_iter().collect();
        events.sort_by_key(|event| event["t"].as_u64());
        for event in &events {
            story.take(event, &mut names);
        }
        story
    }

    /// From the bytes of a log of one event a line, where a dead writer may have left a fragment.
    #[must_use]
    pub fn events(log: &[u8]) -> Vec<Value> {
        log.split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len() + self.accepted.len() + self.forks.len()
    }

    /// How many acknowledgements were given.
    #[must_use]
    pub fn acknowledgements(&self) -> usize {
        let calls = self
            .calls
            .iter()
            .map(|call| call.acked.len())
            .sum::<usize>();
        let accepted = self.accepted.iter().filter(|one| one.acked.is_some());
        let forks = self.forks.iter().filter(|one| one.acked.is_some());
        calls + accepted.count() + forks.count()
    }

    fn take(&mut self, event: &Value, names: &mut HashMap<String, usize>) {
        let t = event["t"].as_u64().unwrap_or(0);
        let when = When {
            t,
            op: event["op"].as_u64().unwrap_or(t),
        };
        let text = |name: &str| event[name].as_str().map(str::to_owned);
        if let Some(name) = text("call") {
            names.insert(name.clone(), self.calls.len());
            self.begin(name, when, event);
        } else if let Some(name) = text("accept") {
            names.insert(name, self.accepted.len());
            self.accepted.push(Acceptance {
                key: text("key").unwrap_or_default(),
                body: text("body").unwrap_or_default().into_bytes(),
                acked: None,
            });
        } else if let Some(name) = text("fork") {
            names.insert(name, self.forks.len());
            self.forks.push(Fork {
                to: text("to").unwrap_or_default(),
                acked: None,
            });
        } else if event["peer"].is_string() || event["peering"].is_string() {
            let line = text("line").unwrap_or_default().into_bytes();
            self.peers.push((when, line, event["peer"].is_string()));
        } else if event["sick"] == true {
            self.sick = self.sick.or(Some(when.op));
        } else if let Some(through) = event["read"].as_u64() {
            let through = usize::try_from(through).unwrap_or(usize::MAX);
            self.reads.push((when, through, text("last")));
        } else {
            self.end(event, when, names);
        }
    }

    fn begin(&mut self, name: String, began: When, event: &Value) {
        let at = self.calls.len();
        let entries = event["entries"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let sent: Vec<Sent> = entries
            .iter()
            .map(|entry| Sent {
                nonce: entry["nonce"].as_str().unwrap_or_default().to_owned(),
                body: entry["body"].as_str().unwrap_or_default().into(),
                key: entry["key"].as_str().map(str::to_owned),
            })
            .collect();
        for (index, one) in sent.iter().enumerate() {
            // The same message may be sent again; the first call names it.
            self.by_nonce
                .entry(one.nonce.clone())
                .or_insert((at, index));
        }
        self.calls.push(Call {
            name,
            began,
            sent,
            anew: match event["anew"].as_str() {
                Some("rewrite") => Some(Anew::Rewrite),
                Some("repair") => Some(Anew::Repair),
                _ => None,
            },
            end: None,
            acked: Vec::new(),
        });
    }

    fn end(&mut self, event: &Value, when: When, names: &HashMap<String, usize>) {
        let known = |name: &str| names.get(event[name].as_str()?).copied();
        if let Some(call) = known("done").and_then(|at| self.calls.get_mut(at)) {
            let placed = event["placed"].as_array().into_iter().flatten();
            let placed = placed.map(|one| {
                let id = one["id"].as_str().unwrap_or_default().to_owned();
                (id, one["new"] == true)
            });
            call.end = Some((when, End::Done(placed.collect())));
        } else if let Some(call) = known("failed").and_then(|at| self.calls.get_mut(at)) {
            let unknown = event["unknown"] == true;
            call.end = Some((when, End::Failed { unknown }));
        } else if let Some(call) = known("ack").and_then(|at| self.calls.get_mut(at)) {
            let level = match event["level"].as_str() {
                Some("device") => Level::Device,
                _ => Level::Process,
            };
            call.acked.push((when, level));
        } else if let Some(one) = known("accepted").and_then(|at| self.accepted.get_mut(at)) {
            one.acked = Some(when);
        } else if let Some(one) = known("forked").and_then(|at| self.forks.get_mut(at)) {
            one.acked = Some(when);
        }
    }
}
