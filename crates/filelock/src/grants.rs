//! The last grants of a latch, kept in the latch file: who had it, for what, how long it was waited for and held.
//!
//! A small ring of records of fixed width behind the note and the words of fairness, written in place and under the latch
//! only. They are for people and decide nothing: a record that is damaged, torn or another's counts for nothing, and what it
//! says is escaped by whoever shows it. Who takes one session again and again adds to one record, as with the note; so in
//! [`FRESH_MS`] a process writes one new record, and brings it up to date at most once in [`UPDATE`].
//!
//! Limits: what was counted since the last update is lost if the process does not take the latch again. A latch that a command
//! joins is its holder's grant. Two processes of two pid namespaces may have one number.

use std::time::{Duration, Instant};

use latchwork_lock::Phase;
use latchwork_sys::{DiskFile, System};

use crate::locked::OpenFile;

/// Where the ring begins: behind the note, what is remembered of peers, and the word of who waits.
pub(crate) const AT: u64 = 1_024;
/// Bytes of a record, with its newline. All of the latch file fits into one block of 4 kB.
pub(crate) const WIDTH: usize = 152;
/// How many records there are.
pub(crate) const KEPT: usize = 20;
/// Bytes of the ring.
pub(crate) const RING: usize = WIDTH * KEPT;
/// Bytes of the checksum at the end of a record, before its newline.
const SUM: usize = 8;
/// For so long grants of one process and phase are counted in one record.
const FRESH_MS: u64 = 200;
/// How often a record in which grants are counted is brought up to date.
const UPDATE: Duration = Duration::from_millis(10);
/// Longest phase and host, in bytes of JSON. Longer ones are cut.
const LONGEST: (usize, usize) = (28, 20);
/// No ring comes to this number; a record that has it is nobody's.
const NUMBER_MAX: u64 = 1 << 40;

/// One process had a latch, once or several times in a short while.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Its place among the grants of its latch.
    pub number: u64,
    /// When it was granted first, in milliseconds since 1970.
    pub at_ms: i64,
    /// How long after that the last of them was given back.
    pub span: Duration,
    /// The process, in its own pid namespace.
    pub pid: u32,
    /// The name of its host, which may be cut.
    pub host: String,
    /// The phase, which may be cut.
    pub phase: String,
    /// How many times. The last few may be missing.
    pub count: u64,
    /// How long it was waited for, all together.
    pub waited: Duration,
    /// How long it was held, all together; `None` if it was never given back, or is held still.
    pub held: Option<Duration>,
}

/// The record that a process adds to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    number: u64,
    at_ms: i64,
    span_ms: u64,
    count: u64,
    waited_us: u64,
    held_us: Option<u64>,
    phase: Phase,
    written: Instant,
    /// Something was counted since it was written.
    is_behind: bool,
}

/// What a process knows of the ring of a latch that it has open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// The highest number that was seen.
    newest: Option<u64>,
    record: Option<Box<Record>>,
}

impl Tally {
    /// Takes in what stands in the ring now.
    pub(crate) fn saw(&mut self, ring: &[u8]) {
        self.newest = newest(ring);
    }
}

/// Counts a grant. `goes_on`: nobody else has had the latch since the last one.
///
/// `true` if something was written.
pub(crate) fn granted(
    latch: &mut OpenFile,
    phase: &Phase,
    waited: Duration,
    goes_on: bool,
    system: &System,
) -> bool {
    let now_ms = system.clock.wall_ms();
    let file = latch.get().clone();
    let tally = &mut latch.tally;
    if let Some(record) = &mut tally.record {
        let is_fresh = now_ms.abs_diff(record.at_ms) < FRESH_MS;
        if goes_on && is_fresh && record.phase == *phase {
            record.count += 1;
            record.waited_us = record.waited_us.saturating_add(micros(waited));
            record.is_behind = true;
            return false;
        }
        // The last word on it, while its place is not another's.
        let newest = tally.newest.unwrap_or(record.number).max(record.number);
        if record.is_behind && newest - record.number < KEPT as u64 {
            record.write(&*file, system);
        }
    }
    let record = Record {
        number: tally.newest.map_or(0, next_number),
        at_ms: now_ms,
        span_ms: 0,
        count: 1,
        waited_us: micros(waited),
        held_us: None,
        phase: phase.clone(),
        written: Instant::now(),
        is_behind: false,
    };
    record.write(&*file, system);
    tally.newest = Some(record.number);
    tally.record = Some(Box::new(record));
    true
}

/// Says how long the latch was held that is about to be given back. `true` if something was written.
pub(crate) fn is_over(latch: &mut OpenFile, held: Duration, system: &System) -> bool {
    let file = latch.get().clone();
    let Some(record) = &mut latch.tally.record else {
        return false;
    };
    let is_first = record.held_us.is_none();
    let held_us = record.held_us.unwrap_or(0).saturating_add(micros(held));
    record.held_us = Some(held_us);
    if !is_first && record.written.elapsed() < UPDATE {
        record.is_behind = true;
        return false;
    }
    record.span_ms = system.clock.wall_ms().abs_diff(record.at_ms);
    record.write(&*file, system);
    record.written = Instant::now();
    record.is_behind = false;
    true
}

/// The grants that a latch file tells of, in their order.
pub(crate) fn read_from(file: &dyn DiskFile) -> Vec<Grant> {
    let mut ring = [0; RING];
    let read = |ring: &mut [u8]| file.read_at(ring, AT).unwrap_or(0);
    let length = read(&mut ring);
    let (mut grants, torn) = parse(ring.get(..length).unwrap_or_default());
    if torn {
        // Perhaps it was being written just then.
        let length = read(&mut ring);
        grants = parse(ring.get(..length).unwrap_or_default()).0;
    }
    grants
}

impl Record {
    /// Best effort: it is for people.
    fn write(&self, file: &dyn DiskFile, system: &System) {
        let place = (self.number % KEPT as u64) * WIDTH as u64;
        if let Some(line) = self.line(system) {
            let _ = file.write_at(&line, AT + place);
        }
    }

    fn line(&self, system: &System) -> Option<Vec<u8>> {
        let own = system.processes.own();
        let fields = (
            self.number,
            self.at_ms,
            self.span_ms,
            own.pid,
            self.count,
            self.waited_us,
            self.held_us,
            cut(self.phase.as_str(), LONGEST.0),
            cut(&own.host, LONGEST.1),
        );
        line_of(&serde_json::to_vec(&fields).ok()?)
    }
}

/// A record of fixed width: the text, spaces, a checksum of both, a newline.
fn line_of(text: &[u8]) -> Option<Vec<u8>> {
    let room = WIDTH - SUM - 1;
    if text.len() > room {
        return None;
    }
    let mut line = text.to_vec();
    line.resize(room, b' ');
    let sum = sum(&line);
    line.extend_from_slice(format!("{sum:08x}\n").as_bytes());
    Some(line)
}

/// What stands between the brackets: number, moment, span, pid, count, waited, held, phase, host.
type Fields = (u64, i64, u64, u32, u64, u64, Option<u64>, String, String);

fn grant_of(line: &[u8], place: usize) -> Option<Grant> {
    if !is_whole(line) {
        return None;
    }
    let text = line.get(..WIDTH - SUM - 1)?;
    let (number, at_ms, span_ms, pid, count, waited_us, held_us, phase, host): Fields =
        serde_json::from_slice(text.trim_ascii_end()).ok()?;
    is_at_home(number, place).then_some(Grant {
        number,
        at_ms,
        span: Duration::from_millis(span_ms),
        pid,
        host,
        phase,
        count,
        waited: Duration::from_micros(waited_us),
        held: held_us.map(Duration::from_micros),
    })
}

/// The grants in a ring, in their order; and whether anything stands in it that is none.
fn parse(ring: &[u8]) -> (Vec<Grant>, bool) {
    let mut torn = false;
    let mut grants = Vec::new();
    for (place, line) in ring.chunks(WIDTH).enumerate() {
        match grant_of(line, place) {
            Some(grant) => grants.push(grant),
            None => torn |= line.iter().any(|byte| *byte != 0),
        }
    }
    grants.sort_by_key(|grant| grant.number);
    let newest = grants.last().map_or(0, |grant| grant.number);
    grants.retain(|grant| newest - grant.number < KEPT as u64);
    (grants, torn)
}

/// The highest number in a ring. Only the record that has it is looked at as a whole.
fn newest(ring: &[u8]) -> Option<u64> {
    let lines = ring.chunks_exact(WIDTH).enumerate();
    let numbered = lines.filter_map(|(place, line)| {
        let number = number_of(line).filter(|number| is_at_home(*number, place))?;
        Some((number, line))
    });
    let mut numbered: Vec<(u64, &[u8])> = numbered.collect();
    numbered.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
    let found = numbered.into_iter().find(|(_, line)| is_whole(line));
    found.map(|(number, _)| number)
}

fn number_of(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b"[")?;
    let end = digits.iter().position(|byte| *byte == b',')?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

fn is_at_home(number: u64, place: usize) -> bool {
    number < NUMBER_MAX && number % KEPT as u64 == place as u64
}

/// After the last number that there can be, the same place is used again, and the ring begins anew.
fn next_number(newest: u64) -> u64 {
    let next = newest + 1;
    if next < NUMBER_MAX {
        next
    } else {
        newest % KEPT as u64
    }
}

fn is_whole(line: &[u8]) -> bool {
    let Some((text, end)) = line.split_at_checked(WIDTH - SUM - 1) else {
        return false;
    };
    end == format!("{:08x}\n", sum(text)).as_bytes()
}

/// FNV-1a: it tells a torn or damaged record, not a forged one.
fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// As much of a text as has this many bytes in JSON, without control characters.
fn cut(text: &str, bytes_max: usize) -> String {
    let mut bytes = 0;
    let plain = text.chars().filter(|c| !c.is_control());
    plain
        .take_while(|c| {
            bytes += c.len_utf8() + usize::from(matches!(c, '"' | '\\'));
            bytes <= bytes_max
        })
        .collect()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use latchwork_sys::OpenHow;
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Two descriptors of one latch file, as two processes have.
    fn two() -> (System, [OpenFile; 2], tempfile::TempDir) {
        let (system, dir) = (System::real(), tempfile::tempdir().unwrap());
        let how = OpenHow::updating().or_create();
        let path = dir.path().join("l");
        let open = || OpenFile::new(system.disk.open(&path, &how).unwrap().into());
        let files = [open(), open()];
        (system, files, dir)
    }

    fn look(latch: &mut OpenFile) {
        let mut ring = [0; RING];
        let length = latch.get().read_at(&mut ring, AT).unwrap();
        latch.tally.saw(&ring[..length]);
    }

    #[test]
    fn grants_of_one_process_and_phase_are_counted_in_one_record_and_others_have_their_own() {
        let (system, [mut ours, mut other], _dir) = two();
        look(&mut ours);
        assert!(granted(&mut ours, &Phase::RECORD, ms(3), false, &system));
        assert!(is_over(&mut ours, ms(5), &system));
        assert!(!granted(&mut ours, &Phase::RECORD, ms(1), true, &system));
        assert!(!is_over(&mut ours, ms(2), &system), "not so soon again");
        assert!(granted(&mut ours, &Phase::SETTLE, ms(0), true, &system));
        look(&mut other);
        granted(&mut other, &Phase::SIDE, ms(9), false, &system);
        let told = read_from(&**other.get());
        let told: Vec<_> = told
            .iter()
            .map(|g| (g.number, g.phase.as_str(), g.count, g.waited, g.held))
            .collect();
        let expected = [
            (0, "record", 2, ms(4), Some(ms(7))),
            (1, "settle", 1, ms(0), None),
            (2, "side", 1, ms(9), None),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_last_twenty_are_kept_and_damage_costs_its_own_record_alone() {
        let (system, [mut ours, other], _dir) = two();
        for number in 0..45 {
            look(&mut ours);
            granted(&mut ours, &Phase::SIDE, ms(number), false, &system);
            is_over(&mut ours, ms(1), &system);
        }
        let numbers = |file: &OpenFile| -> Vec<u64> {
            read_from(&**file.get())
                .iter()
                .map(|grant| grant.number)
                .collect()
        };
        assert_eq!(numbers(&other), (25..45).collect::<Vec<_>>());
        // A byte is another one: in the record of grant 44, which stands at the place 4.
        other
            .get()
            .write_at(b"x", AT + 4 * WIDTH as u64 + 20)
            .unwrap();
        assert_eq!(numbers(&other), (25..44).collect::<Vec<_>>());
        look(&mut ours);
        assert_eq!(ours.tally.newest, Some(43), "and nobody goes on from it");
        other.get().write_at(&[0xff; RING], AT).unwrap();
        assert_eq!(numbers(&other), [0_u64; 0]);
        look(&mut ours);
        granted(&mut ours, &Phase::SIDE, ms(0), false, &system);
        assert_eq!(numbers(&other), [0]);
    }

    #[test]
    fn a_record_from_the_end_of_all_numbers_is_written_over() {
        let last = NUMBER_MAX - 1;
        assert_eq!(next_number(last), last % KEPT as u64);
        assert_eq!(next_number(last - 1), last);
        assert!(!is_at_home(NUMBER_MAX, (NUMBER_MAX % KEPT as u64) as usize));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_no_other_bytes_are_a_grant(
            phase in any::<String>(), waited in 0_u64..1 << 40, held in proptest::option::of(0_u64..1 << 40), place in 0..KEPT,
            flip in 0..WIDTH, bit in 0..8_u32, other in proptest::collection::vec(any::<u8>(), 0..RING),
        ) {
            let record = Record {
                number: 40 + place as u64, at_ms: 1_795_428_000_000, span_ms: 200, count: 9_999, waited_us: waited, held_us: held,
                phase: Phase::named(phase), written: Instant::now(), is_behind: false,
            };
            let mut line = record.line(&System::real()).unwrap();
            prop_assert_eq!((line.len(), line.iter().filter(|byte| **byte == b'\n').count()), (WIDTH, 1));
            let grant = grant_of(&line, place).unwrap();
            prop_assert_eq!((grant.pid, grant.held), (std::process::id(), held.map(Duration::from_micros)));
            prop_assert_eq!(grant_of(&line, place + 1), None, "at a place that is not its own");
            line[flip] ^= 1 << bit;
            prop_assert_eq!(grant_of(&line, place), None);
            prop_assert_eq!((parse(&other).0, newest(&other)), (Vec::new(), None));
        }
    }
}
