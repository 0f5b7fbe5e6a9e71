//! The entries of a transcript, each held against the story: I-T1 to I-T6, I-T8, I-T10.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::case::{Case, Survives, Told};
use super::image::{Image, Line, contains, lines};
use super::story::{Anew, Call, End, Level, Sent};

/// A transcript as lines, and where each nonce and id stands.
pub(super) struct Entries<'a> {
    pub(super) lines: Vec<Line<'a>>,
    by_nonce: HashMap<String, Vec<usize>>,
    by_id: HashMap<String, usize>,
}

impl<'a> Entries<'a> {
    pub(super) fn read(image: &'a Image) -> Self {
        let lines = lines(image.bytes());
        let (mut by_nonce, mut by_id) = (HashMap::<String, Vec<usize>>::new(), HashMap::new());
        for (number, line) in lines.iter().enumerate() {
            if let Some(nonce) = line.nonce() {
                by_nonce.entry(nonce.to_owned()).or_default().push(number);
            }
            if let Some(id) = line.id() {
                by_id.entry(id.to_owned()).or_insert(number);
            }
        }
        Self {
            lines,
            by_nonce,
            by_id,
        }
    }

    pub(super) fn is_there(&self, nonce: &str) -> bool {
        self.by_nonce.contains_key(nonce)
    }

    /// I-T5, I-T6 and the ids of I-T3.
    pub(super) fn well_formed(&self, case: &Case<'_>, broken: &mut Vec<String>) {
        let mut ids: HashSet<&str> = HashSet::new();
        let mut damaged = 0;
        let old = Case::is_old(case.now);
        let powerless = case
            .told
            .iter()
            .any(|told| told.leaves() == Survives::Device);
        let firm = self.firm_through(case);
        let (mut gaps, mut in_firm) = (0, 0);
        for (number, line) in self.lines.iter().enumerate() {
            let n = number + 1;
            if number == 0 {
                let header = line.value.as_ref();
                if header
                    .is_none_or(|header| header["type"] != "session" || !header["id"].is_string())
                {
                    broken.push("I-T5: the first line is no header".to_owned());
                }
                continue;
            }
            if line.is_blank() {
                gaps += 1;
                continue;
            }
            // Blanked beside a whole entry: before it, or behind it.
            gaps += usize::from(line.bytes.starts_with(b" ") || line.bytes.ends_with(b" "));
            let value = match &line.value {
                Some(value) if value.is_object() => value,
                _ if !line.ended && !case.settled => continue,
                _ => {
                    damaged += 1;
                    gaps += 1;
                    in_firm += usize::from(line.at < firm);
                    continue;
                }
            };
            if !value["type"].is_string() {
                broken.push(format!("I-T5: line {n} has no type"));
            }
            if !line.ended && case.settled {
                broken.push(format!("I-T5: line {n} has no newline after a writer came"));
            }
            if old {
                continue;
            }
            match &value["parentId"] {
                Value::Null => {}
                Value::String(parent) if ids.contains(parent.as_str()) => {}
                // Of what was not acknowledged a line may be lost with the power and its child be there: readers bridge it.
                Value::String(_) if powerless && gaps > 0 && line.at > firm => {}
                other => broken.push(format!(
                    "I-T6: line {n} has the parent {other}, no earlier entry"
                )),
            }
            match line.id() {
                Some(id) if ids.insert(id) => {}
                Some(id) => {
                    broken.push(format!("I-T3: line {n} has the id {id} of an earlier line"));
                }
                None => broken.push(format!("I-T5: line {n} has no id")),
            }
        }
        let mut allowed = self.damaged_as_planted(case);
        allowed += self.beside_peers(case);
        if in_firm > allowed {
            broken.push(format!(
                "I-T5: {in_firm} lines do not read before byte {firm}, which was durable; {allowed} may be so"
            ));
        }
        if powerless {
            // Sectors of what was not acknowledged are lost in front of others that are kept; it is told, and left.
            allowed = allowed.max(case.reported.unwrap_or(0));
        }
        if case.settled && damaged > allowed {
            broken.push(format!(
                "I-T5: {damaged} lines do not read; {allowed} may be so, {:?} are reported",
                case.reported
            ));
        }
    }

    /// Where the furthest line begins that was acknowledged as durable before the power went: the sync that it waited for made
    /// everything before it durable as well, so nothing there may be lost or damaged by the cut. Of a device that had failed before, and of
    /// what later writers made durable behind an earlier loss, that cannot be said.
    fn firm_through(&self, case: &Case<'_>) -> usize {
        let mut powerless = case.told.iter();
        let first = powerless.find(|told| told.leaves() == Survives::Device);
        let Some(told) = first.filter(|told| told.survives == Survives::Device && !told.is_sick())
        else {
            return 0;
        };
        let acked = told.story.calls.iter().filter(|call| {
            let mut acked = call.acked.iter();
            acked.any(|(when, level)| when.op <= told.until && *level == Level::Device)
        });
        let placed = acked.filter_map(|call| match &call.end {
            Some((_, End::Done(placed))) => Some(placed),
            _ => None,
        });
        let lines = placed
            .flatten()
            .filter_map(|(id, _)| self.by_id.get(id))
            .map(|number| self.lines[*number].at);
        lines.max().unwrap_or(0)
    }

    /// How many lines that do not read stood there from the beginning, at the same place.
    fn damaged_as_planted(&self, case: &Case<'_>) -> usize {
        let planted = case.planted.bytes();
        let same = |line: &&Line<'_>| {
            !line.is_blank()
                && line.value.is_none()
                && planted.get(line.at..line.at + line.bytes.len()) == Some(line.bytes)
        };
        self.lines.iter().filter(same).count()
    }

    /// How many lines do not read because a program without locks wrote behind a fragment: glued to it, or on the line after
    /// it, so that it was not the last any more when the next writer came.
    fn beside_peers(&self, case: &Case<'_>) -> usize {
        let peers: Vec<&Vec<u8>> = case
            .told
            .iter()
            .flat_map(|told| told.story.peers.iter().map(|(_, line, _)| line))
            .collect();
        let is_peers = |line: &Line<'_>| peers.iter().any(|peer| line.bytes.ends_with(peer));
        let lines = self.lines.iter().enumerate();
        let beside = lines.filter(|(number, line)| {
            let mut later = self.lines.iter().skip(number + 1);
            let after = later.find(|line| !line.is_blank());
            line.value.is_none() && (is_peers(line) || after.is_some_and(is_peers))
        });
        beside.filter(|(_, line)| !line.is_blank()).count()
    }

    /// I-T2 and the doubles of I-T3.
    pub(super) fn known(&self, case: &Case<'_>, broken: &mut Vec<String>) {
        let planted: HashSet<&[u8]> = case.planted.bytes().split(|byte| *byte == b'\n').collect();
        let old = Case::is_old(case.planted);
        for (number, line) in self.lines.iter().enumerate().skip(1) {
            let Some(value) = &line.value else { continue };
            if planted.contains(line.own_bytes()) || is_peers(line, case) {
                continue;
            }
            let n = number + 1;
            let Some(nonce) = line.nonce() else {
                let is_ours = without_words(value)
                    || (old && is_migrated(line, case))
                    || is_copied(line, case);
                if !is_ours {
                    broken.push(format!(
                        "I-T2: line {n} was in no call: {}",
                        shown(line.bytes)
                    ));
                }
                continue;
            };
            let call = case.told.iter().find_map(|told| call_of(told, nonce));
            let Some((_, sent)) = call else {
                broken.push(format!(
                    "I-T2: line {n} says what no call had said yet: {nonce}"
                ));
                continue;
            };
            if !says(line, sent) {
                broken.push(format!(
                    "I-T2: line {n} is not what {nonce} had said: {}",
                    shown(line.bytes)
                ));
            }
        }
        // Each rewrite may copy an entry once.
        self.doubles(1 + case.anew(Anew::Rewrite), broken);
    }

    fn doubles(&self, times: usize, broken: &mut Vec<String>) {
        for (nonce, there) in &self.by_nonce {
            let mut placements = HashMap::new();
            for number in there {
                let line = &self.lines[*number];
                let place = line.placement().map(|(key, place)| (key.to_owned(), place));
                let so_many = placements.entry(place).or_insert(0);
                *so_many += 1;
                if *so_many > times {
                    broken.push(format!(
                        "I-T3: {nonce} stands twice, at line {}",
                        number + 1
                    ));
                }
            }
            if placements.len() > 1 && placements.contains_key(&None) {
                broken.push(format!("I-T3: {nonce} stands with and without its key"));
            }
        }
    }

    /// I-T1 and I-T10.
    pub(super) fn present(&self, case: &Case<'_>, broken: &mut Vec<String>) {
        for told in case.told {
            for call in &told.story.calls {
                if call.began.op <= told.until {
                    self.present_of(call, told, broken);
                }
            }
        }
    }

    fn present_of(&self, call: &Call, told: &Told<'_>, broken: &mut Vec<String>) {
        let name = &call.name;
        let end = call.end.as_ref().filter(|(when, _)| when.op <= told.until);
        let acked = call.acked.iter().any(|(when, level)| {
            when.op <= told.until && (told.leaves() == Survives::Process || *level == Level::Device)
        });
        match end {
            Some((_, End::Done(placed))) if acked || told.leaves() == Survives::Process => {
                // A rewrite places copies behind what was sent, and a move of the head an entry that says so.
                for (index, (id, _)) in placed.iter().enumerate() {
                    let line = self.by_id.get(id).map(|number| &self.lines[*number]);
                    let sent = call.sent.get(index);
                    let nonce = sent.map(|sent| sent.nonce.as_str());
                    let is_it = |line: &Line<'_>| {
                        sent.is_none_or(|sent| line.nonce() == nonce || is_in_its_place(line, sent))
                    };
                    if !line.is_some_and(is_it) {
                        let what = if acked { "acknowledged" } else { "written" };
                        broken.push(format!(
                            "I-T1: {} ({id}) of {name} was {what} and is not there",
                            nonce.unwrap_or("an entry of the store's own")
                        ));
                    }
                }
            }
            Some((_, End::Failed { unknown: false })) => {
                for sent in &call.sent {
                    // A keyed message may have been written by another call.
                    if sent.key.is_none() && self.is_there(&sent.nonce) {
                        broken.push(format!(
                            "I-T10: {name} was refused, and {} is there",
                            sent.nonce
                        ));
                    }
                }
            }
            None if told.leaves() == Survives::Process => {
                let unkeyed = call.sent.iter().filter(|sent| sent.key.is_none());
                let there: Vec<bool> = unkeyed.map(|sent| self.is_there(&sent.nonce)).collect();
                if there.windows(2).any(|pair| !pair[0] && pair[1]) {
                    broken.push(format!(
                        "I-T10: of {name}, which was cut off, not a beginning stands: {there:?}"
                    ));
                }
            }
            _ => {}
        }
    }

    /// I-T4.
    pub(super) fn in_order(&self, case: &Case<'_>, broken: &mut Vec<String>) {
        for told in case.told {
            let mut began = Vec::new();
            for call in &told.story.calls {
                let Some((end, End::Done(placed))) = &call.end else {
                    continue;
                };
                if end.op > told.until {
                    continue;
                }
                let own = placed.iter().filter(|(_, new)| *new);
                let at: Vec<usize> = own
                    .filter_map(|(id, _)| self.by_id.get(id).copied())
                    .collect();
                if let (Some(first), Some(last)) = (at.iter().min(), at.iter().max()) {
                    began.push((call.began.t, end.t, *first, *last, &call.name));
                }
            }
            let mut ended = began.clone();
            ended.sort_by_key(|call| call.1);
            began.sort_by_key(|call| call.0);
            let (mut next, mut furthest) = (0, (0, ""));
            for (start, _, first, _, name) in began {
                while let Some((_, end, _, last, earlier)) =
                    ended.get(next).filter(|call| call.1 < start)
                {
                    debug_assert!(*end < start);
                    if *last > furthest.0 {
                        furthest = (*last, earlier.as_str());
                    }
                    next += 1;
                }
                if first <= furthest.0 {
                    broken.push(format!(
                        "I-T4: {name} stands before {}, which had ended before",
                        furthest.1
                    ));
                }
            }
        }
    }

    /// I-T8.
    pub(super) fn seen(&self, case: &Case<'_>, broken: &mut Vec<String>) {
        if Case::is_old(case.planted) {
            return;
        }
        for (number, told) in case
            .told
            .iter()
            .enumerate()
            .filter(|(_, told)| told.leaves() == Survives::Process)
        {
            for (when, through, last) in &told.story.reads {
                // A repair writes the file anew, with other places.
                if when.op > told.until || case.repaired_since(number, *when) {
                    continue;
                }
                let mut before = self.lines.iter().skip(1).filter(|line| line.at < *through);
                let there = before.rfind(|line| line.value.is_some()).and_then(Line::id);
                if there != last.as_deref() {
                    broken.push(format!("I-T8: a reader saw {last:?} as the last entry before byte {through}; it is {there:?}"));
                }
            }
        }
    }
}

/// The call that had said it by then.
fn call_of<'a>(told: &Told<'a>, nonce: &str) -> Option<(&'a Call, &'a Sent)> {
    let (call, index) = told.story.by_nonce.get(nonce)?;
    let call = told.story.calls.get(*call)?;
    (call.began.op <= told.until).then_some(())?;
    Some((call, call.sent.get(*index)?))
}

/// What was said with a key stands there in other words, where a rewrite replaced them: with the key, and a later placement.
fn is_in_its_place(line: &Line<'_>, sent: &Sent) -> bool {
    let place = line.placement();
    sent.key.is_some()
        && place.is_some_and(|(key, place)| place > 1 && Some(key) == sent.key.as_deref())
}

/// Whether the line has the very bytes of the body; a key is added at its end.
fn says(line: &Line<'_>, sent: &Sent) -> bool {
    let body = match &sent.key {
        Some(_) => sent.body.strip_suffix(b"}").unwrap_or(&sent.body),
        None => &sent.body,
    };
    contains(line.bytes, body) && line.own_bytes().starts_with(b"{\"type\":\"")
}

/// Entries that a store writes by itself.
fn without_words(value: &Value) -> bool {
    let custom = value["customType"].as_str().unwrap_or_default();
    value["type"] == "custom" && custom.starts_with("latchwork.")
}

/// A line of an old version under its new envelope: its message as it was.
fn is_migrated(line: &Line<'_>, case: &Case<'_>) -> bool {
    let message = &line
        .value
        .as_ref()
        .map_or(&Value::Null, |value| &value["message"]);
    let of = |planted: &[u8]| {
        super::image::value(planted).is_some_and(|old| old["message"] == **message)
    };
    message.is_object() && case.planted.bytes().split(|byte| *byte == b'\n').any(of)
}

/// A line of somebody else's that a rewrite copied or a repair hung elsewhere: its message as it was.
fn is_copied(line: &Line<'_>, case: &Case<'_>) -> bool {
    if case.anew(Anew::Rewrite) + case.anew(Anew::Repair) == 0 {
        return false;
    }
    let message = |bytes: &[u8]| {
        let value = super::image::value(bytes)?;
        Some(value["message"].clone()).filter(Value::is_object)
    };
    let Some(own) = line.value.as_ref().map(|value| &value["message"]) else {
        return false;
    };
    let planted = case.planted.bytes().split(|byte| *byte == b'\n');
    let peers = case.told.iter().flat_map(|told| &told.story.peers);
    let others = planted.chain(peers.map(|(_, line, _)| line.as_slice()));
    own.is_object() && others.filter_map(message).any(|message| message == *own)
}

fn is_peers(line: &Line<'_>, case: &Case<'_>) -> bool {
    let peers = case.told.iter().flat_map(|told| &told.story.peers);
    peers
        .into_iter()
        .any(|(_, peer, _)| line.own_bytes() == peer.as_slice())
}

pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().take(200).collect()
}
