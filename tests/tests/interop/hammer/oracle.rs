//! What the third file says about who was in when, and whether every line is where its writer put it.
//!
//! Nothing of the locks under test is asked. A section lasts from the mark that its holder made when it was in to the one
//! before it went out; one that was killed, to the moment just before the signal. So two sections that overlap here were
//! surely in at once.

use std::collections::HashMap;
use std::fmt;

use super::removals::{of_others, removals};

/// Bytes of a line: fixed, so that a lost one leaves its trace at a known place.
pub(crate) const LINE: usize = 64;

/// Whose process it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Theirs,
}

/// One line of the oracle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) event: char,
    pub(crate) id: u32,
    pub(crate) n: u64,
    pub(crate) first: u64,
    pub(crate) second: u64,
}

impl Mark {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let event = words.next()?.chars().next()?;
        let id = words.next()?.parse().ok()?;
        let n = words.next()?.parse().ok()?;
        let first = words.next()?.parse().ok()?;
        let second = words.next().and_then(|word| word.parse().ok());
        Some(Self {
            event,
            id,
            n,
            first,
            second: second.unwrap_or(0),
        })
    }
}

/// How a section ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It wrote its line; the look before that began at this moment, and the look after it said whether all was well.
    Wrote { looked: u64, noticed_after: bool },
    /// It noticed that it had been robbed, and did not write.
    Noticed,
    /// It was killed.
    Killed,
}

#[derive(Clone, Debug)]
struct Section {
    id: u32,
    n: u64,
    side: Side,
    /// Its lock file was made then or later.
    created: u64,
    from: u64,
    to: u64,
    outcome: Outcome,
    overlapped: bool,
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) sections_of_ours: usize,
    pub(crate) sections_of_theirs: usize,
    /// How often one of theirs came in after one of ours.
    pub(crate) let_in: usize,
    /// Holders and waiters that were killed: ours, theirs.
    pub(crate) killed: [usize; 2],
    /// How often two were in at once: first of ours, then of theirs, by who was in first.
    pub(crate) double_holds: [usize; 2],
    /// How often one of ours noticed before its write that it had been robbed, and between its look and its write.
    pub(crate) noticed: usize,
    pub(crate) noticed_after: usize,
    /// Lock files that OpenClaw removed as left behind.
    pub(crate) reclaims: usize,
    /// Errors that came out of OpenClaw's lock.
    pub(crate) errors_of_theirs: usize,
    pub(crate) lost_lines: usize,
    /// What must not be, in words.
    pub(crate) violations: Vec<String>,
}

impl Report {
    /// Two were never in at once, and no line is lost.
    pub(crate) fn is_clean(&self) -> bool {
        self.violations.is_empty()
            && self.double_holds == [0, 0]
            && self.lost_lines == 0
            && self.noticed + self.noticed_after == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deaths: usize = self.killed.iter().sum();
        let double: usize = self.double_holds.iter().sum();
        write!(
            f,
            "sections: {} of ours, {} of theirs, let in {} times; killed: {} of ours, {} of theirs; reclaims by theirs: {}; errors out of \
             their lock: {}; double holds: {} (first in: ours {}, theirs {}), {double} in {deaths} deaths; noticed by \
             ours: {} before the write, {} just after it; lost lines: {}; violations: {}",
            self.sections_of_ours,
            self.sections_of_theirs,
            self.let_in,
            self.killed[0],
            self.killed[1],
            self.reclaims,
            self.errors_of_theirs,
            double,
            self.double_holds[0],
            self.double_holds[1],
            self.noticed,
            self.noticed_after,
            self.lost_lines,
            self.violations.len(),
        )
    }
}

/// Reads the run: the oracle, the transcript, and which ids are ours.
pub(crate) fn judge(oracle: &str, transcript: &[u8], side_of: impl Fn(u32) -> Side) -> Report {
    let marks: Vec<Mark> = oracle.lines().filter_map(Mark::parse).collect();
    let mut report = Report::default();
    let mut sections = sections(&marks, &side_of, &mut report);
    sections.sort_by_key(|section| section.from);
    let in_order = sections.iter().map(|section| section.side);
    report.let_in = in_order
        .clone()
        .zip(in_order.skip(1))
        .filter(|pair| *pair == (Side::Ours, Side::Theirs))
        .count();
    let removals = removals(&marks);
    report.reclaims = removals.iter().filter(|one| one.of.is_none()).count();
    let created = sections
        .iter()
        .map(|section| ((section.id, section.n), section.created));
    let reclaims = of_others(&removals, &created.collect());
    report.errors_of_theirs = of(&marks, 'F').count();
    find_double_holds(&mut sections, &reclaims, &mut report);
    find_lost_lines(&sections, transcript, &mut report);
    report
}

fn of(marks: &[Mark], event: char) -> impl DoubleEndedIterator<Item = &Mark> {
    marks.iter().filter(move |mark| mark.event == event)
}

fn sections(marks: &[Mark], side_of: impl Fn(u32) -> Side, report: &mut Report) -> Vec<Section> {
    let mut ends: HashMap<(u32, u64), Vec<&Mark>> = HashMap::new();
    for mark in marks.iter().filter(|mark| "XLN".contains(mark.event)) {
        ends.entry((mark.id, mark.n)).or_default().push(mark);
    }
    let killed: HashMap<u32, u64> = of(marks, 'K').map(|mark| (mark.id, mark.first)).collect();
    for id in killed.keys() {
        report.killed[usize::from(side_of(*id) == Side::Theirs)] += 1;
    }
    let mut sections = Vec::new();
    for enter in of(marks, 'E') {
        let ends = ends.get(&(enter.id, enter.n)).cloned().unwrap_or_default();
        let end = |event| ends.iter().find(|mark| mark.event == event);
        let (outcome, to) = if let Some(wrote) = end('X') {
            let noticed_after = end('N').is_some();
            report.noticed_after += usize::from(noticed_after);
            let last = of(marks, 'E').rfind(|mark| mark.id == enter.id);
            let outcome = Outcome::Wrote {
                looked: wrote.first,
                // Killed before it could look again: it will not write again either.
                noticed_after: noticed_after
                    || killed.contains_key(&enter.id) && last == Some(enter),
            };
            (outcome, wrote.second)
        } else if let Some(noticed) = end('L') {
            report.noticed += 1;
            (Outcome::Noticed, noticed.first)
        } else {
            let Some(at) = killed.get(&enter.id) else {
                let (id, n) = (enter.id, enter.n);
                report
                    .violations
                    .push(format!("section {n} of {id} never ended"));
                continue;
            };
            (Outcome::Killed, *at)
        };
        let side = side_of(enter.id);
        match side {
            Side::Ours => report.sections_of_ours += 1,
            Side::Theirs => report.sections_of_theirs += 1,
        }
        sections.push(Section {
            id: enter.id,
            n: enter.n,
            side,
            created: enter.second,
            from: enter.first,
            to,
            outcome,
            overlapped: false,
        });
    }
    sections
}

fn find_double_holds(sections: &mut [Section], reclaims: &[(u64, u64)], report: &mut Report) {
    for first in 0..sections.len() {
        for second in first + 1..sections.len() {
            let (a, b) = (sections[first].clone(), sections[second].clone());
            if b.from >= a.to {
                // Sorted by their beginnings; no section of a run lasts as long as many others.
                if second > first + 64 {
                    break;
                }
                continue;
            }
            sections[first].overlapped = true;
            sections[second].overlapped = true;
            report.double_holds[usize::from(a.side == Side::Theirs)] += 1;
            judge_double_hold(&a, &b, reclaims, &mut report.violations);
        }
    }
}

/// Of two that were in at once, `a` first: a reclaim of theirs must have let one of them in, and `a`, if it is ours and was
/// robbed, must have noticed it before it wrote again. Two of ours are never in at once.
fn judge_double_hold(
    a: &Section,
    b: &Section,
    reclaims: &[(u64, u64)],
    violations: &mut Vec<String>,
) {
    let pair = format!(
        "section {} of {} ({:?}) and then section {} of {} ({:?})",
        a.n, a.id, a.side, b.n, b.id, b.side
    );
    let since = a.created.min(b.created);
    let reclaimed = reclaims
        .iter()
        .any(|(from, to)| *to >= since && *from <= b.from);
    if !reclaimed || (a.side, b.side) == (Side::Ours, Side::Ours) {
        violations.push(format!("{pair} were in at once, and nobody had reclaimed"));
    }
    // Where theirs began to make its file first, it may be the one that was robbed, by its own kind, before it was in.
    if a.side == Side::Theirs || b.created < a.created {
        return;
    }
    match a.outcome {
        Outcome::Wrote { looked, .. } if looked > b.from => violations.push(format!(
            "{pair} were in at once, and the first did not notice before its write"
        )),
        Outcome::Wrote {
            noticed_after: false,
            ..
        } => violations.push(format!(
            "{pair} were in at once, and the first would have written again"
        )),
        _ => {}
    }
}

/// Every line that was written must be where its number says; one whose writer was not alone may be lost.
fn find_lost_lines(sections: &[Section], transcript: &[u8], report: &mut Report) {
    let mut found = HashMap::new();
    for (number, line) in transcript.chunks(LINE).enumerate() {
        let read = serde_json::from_slice::<serde_json::Value>(line).ok();
        let named = read.as_ref().and_then(|line| {
            Some((
                line["at"].as_u64()?,
                line["by"].as_u64()?,
                line["n"].as_u64()?,
            ))
        });
        match named {
            Some((at, by, n)) if at == number as u64 => {
                found.insert((by, n), ());
            }
            _ => report.violations.push(format!(
                "line {number} reads {:?}",
                String::from_utf8_lossy(line)
            )),
        }
    }
    for section in sections {
        let wrote = matches!(section.outcome, Outcome::Wrote { .. });
        if !wrote || found.contains_key(&(u64::from(section.id), section.n)) {
            continue;
        }
        report.lost_lines += 1;
        if !section.overlapped {
            report.violations.push(format!(
                "the line of section {} of {} ({:?}) is lost, and it was alone",
                section.n, section.id, section.side
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: u32 = 9;

    /// Ours are 1 and 2; each wrote its line at the place given.
    fn judged(oracle: &str, lines: &[(u64, u32, u64)]) -> Report {
        let transcript: String = lines
            .iter()
            .map(|(at, by, n)| {
                let line = format!("{{\"at\":{at},\"by\":{by},\"n\":{n}");
                format!("{line:<width$}}}\n", width = LINE - 2)
            })
            .collect();
        judge(oracle, transcript.as_bytes(), |id| {
            if id == THEIRS {
                Side::Theirs
            } else {
                Side::Ours
            }
        })
    }

    /// Ours is in from 100 to 200 and looks at 190; theirs is in from 150 to 160.
    fn robbed(reclaim: &str, end_of_ours: &str) -> Report {
        let oracle = format!("E 1 0 100 90\n{reclaim}E 9 0 150 145\nX 9 0 155 160\n{end_of_ours}");
        judged(&oracle, &[(0, THEIRS, 0), (1, 1, 0)])
    }

    #[test]
    fn sections_one_after_the_other_are_clean() {
        let oracle = "E 1 0 100 90\nX 1 0 110 120\nE 9 0 130 125\nX 9 0 140 150\n";
        let report = judged(oracle, &[(0, 1, 0), (1, THEIRS, 0)]);
        assert!(report.is_clean(), "{report}");
        assert_eq!((report.sections_of_ours, report.let_in), (1, 1));
    }

    #[test]
    fn a_double_hold_is_excused_only_by_a_reclaim_and_only_if_ours_noticed() {
        let (reclaim, noticed) = ("R 9 0 130 140\n", "L 1 0 190 195\n");
        let excused = robbed(reclaim, noticed);
        assert_eq!(excused.violations, Vec::<String>::new());
        assert_eq!((excused.double_holds, excused.noticed), ([1, 0], 1));
        assert!(!excused.is_clean());

        let unexplained = robbed("", noticed);
        assert!(unexplained.violations[0].contains("nobody had reclaimed"));
        let unseen = robbed(reclaim, "X 1 0 190 195\n");
        assert!(unseen.violations[0].contains("did not notice"));
        // Robbed between the look and the write: the next look must tell.
        let late = robbed(reclaim, "X 1 0 149 195\n");
        assert!(late.violations[0].contains("would have written again"));
        let late = robbed(reclaim, "X 1 0 149 195\nN 1 0 196 197\n");
        assert_eq!(late.violations, Vec::<String>::new());
    }

    #[test]
    fn ours_has_nothing_to_notice_where_theirs_was_robbed_before_it_was_in_and_two_of_ours_are_never_excused()
     {
        // Theirs made its file at 60 and lost it at 70; ours made its own at 90 and has it.
        let oracle = "R 8 0 65 70\nE 1 0 100 90\nE 9 0 150 60\nX 9 0 155 160\nX 1 0 190 195\n";
        let report = judged(oracle, &[(0, THEIRS, 0), (1, 1, 0)]);
        assert_eq!((report.double_holds, report.violations.len()), ([1, 0], 0));
        let ours_twice =
            "R 8 0 130 140\nE 1 0 100 90\nE 2 0 150 145\nX 2 0 155 160\nL 1 0 190 195\n";
        let report = judged(ours_twice, &[(0, 2, 0)]);
        assert!(report.violations[0].contains("(Ours) and then section 0 of 2 (Ours)"));
    }

    #[test]
    fn a_killed_holder_is_in_until_the_signal_and_not_after_it() {
        let oracle = "E 1 0 100 90\nE 2 0 140 135\nX 2 0 145 150\nK 1 0 130\n";
        let report = judged(oracle, &[(0, 2, 0)]);
        assert_eq!((report.double_holds, report.killed), ([0, 0], [1, 0]));
        let report = judged(&oracle.replace("130", "141"), &[(0, 2, 0)]);
        assert_eq!(report.double_holds, [1, 0]);
        let endless = judged("E 1 0 100 90\n", &[]);
        assert!(endless.violations[0].contains("never ended"));
    }

    #[test]
    fn a_reclaim_whose_process_was_killed_in_its_midst_is_one_until_that_process_was_gone() {
        let excused = robbed("B 8 0 130\nK 8 0 139 141\n", "L 1 0 190 195\n");
        assert_eq!((excused.reclaims, excused.violations.len()), (1, 0));
        let begun_after = robbed("B 8 0 151\nK 8 0 152 153\n", "L 1 0 190 195\n");
        assert!(begun_after.violations[0].contains("nobody had reclaimed"));
        let gone_before = "B 8 0 40\nK 8 0 41 42\n";
        let theirs_then_ours = "E 9 0 100 90\nE 2 0 150 145\nX 2 0 155 160\nX 9 0 190 195\n";
        let report = judged(
            &format!("{gone_before}{theirs_then_ours}"),
            &[(0, 2, 0), (1, THEIRS, 0)],
        );
        assert!(report.violations[0].contains("nobody had reclaimed"));
    }

    #[test]
    fn what_openclaw_gives_back_after_it_was_robbed_may_be_anothers() {
        // Theirs (9) is robbed by ours, and gives its file back as its own; so it comes in again beside ours.
        let robbed = |reclaim: &str| {
            let given_back = "B 9 1 161\nR 9 1 161 165\n";
            let oracle = format!(
                "E 9 0 100 90\n{reclaim}E 2 0 150 145\nX 9 0 155 160\n{given_back}E 9 1 170 168\nX 9 1 175 180\nL 2 0 190 195\n"
            );
            judged(&oracle, &[(0, THEIRS, 0), (1, THEIRS, 1)])
        };
        let explained = robbed("B 8 0 130\nR 8 0 130 140\n");
        assert_eq!((explained.reclaims, explained.double_holds), (1, [1, 1]));
        assert_eq!(explained.violations, Vec::<String>::new());
        assert_eq!(robbed("").violations.len(), 2);
    }

    #[test]
    fn a_lost_or_misplaced_line_is_noticed() {
        let oracle = "E 1 0 100 90\nX 1 0 110 120\nE 1 1 130 125\nX 1 1 140 150\n";
        let lost = judged(oracle, &[(0, 1, 1)]);
        assert_eq!(lost.lost_lines, 1);
        assert!(lost.violations[0].contains("it was alone"));
        let misplaced = judged(oracle, &[(0, 1, 0), (7, 1, 1)]);
        assert!(misplaced.violations[0].contains("line 1 reads"));
    }
}
