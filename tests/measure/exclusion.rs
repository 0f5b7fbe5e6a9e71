//! Did the lock exclude, and what did contention cost? From the times that contenders recorded and the file they wrote.
//!
//! Exclusion is judged twice, and neither judge trusts the other: by critical sections that overlap on the common clock,
//! and by the lines in the file. A contender notes the size on entry and writes there at the end, so one that was not alone
//! writes over another's line.

use std::collections::{HashMap, HashSet};

use super::Sample;

/// One operation of a contender: asked, got the lock, began to release it, had released it; nanoseconds of one clock.
pub type Op = [u64; 4];

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Contention {
    /// How many operations there were.
    pub ops: usize,
    /// From the first request to the last release, in milliseconds.
    pub total_ms: f64,
    /// Waits for the lock, in milliseconds.
    pub waits_ms: Sample,
    /// From the end of one contender's critical section to the start of another's, in milliseconds.
    pub hand_overs_ms: Sample,
    /// Critical sections that began before an earlier one had ended.
    pub overlaps: usize,
    /// Lines that should be in the file and are not.
    pub lost: usize,
    /// Lines that are there more than once.
    pub doubled: usize,
    /// Lines that nobody wrote in that form.
    pub torn: usize,
    /// Operations of each contender.
    pub each: Vec<usize>,
}

impl Contention {
    /// Whether the lock failed to exclude, by either judge.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.overlaps + self.lost + self.doubled + self.torn > 0
    }

    /// Operations of the busiest contender for one of the idlest.
    #[must_use]
    pub fn unfairness(&self) -> Option<f64> {
        let (most, least) = (self.each.iter().max()?, self.each.iter().min()?);
        Some(*most as f64 / (*least).max(1) as f64)
    }
}

/// Judges the operations of contenders 0, 1, 2, … and the file in which the `i`-th of contender `p` should have left the
/// line `{"p":p,"i":i}`.
#[must_use]
pub fn contention(contenders: &[Vec<Op>], file: &str) -> Contention {
    let mut found = Contention {
        each: contenders.iter().map(Vec::len).collect(),
        ops: contenders.iter().map(Vec::len).sum(),
        ..Contention::default()
    };
    sections(contenders, &mut found);
    lines(contenders, file, &mut found);
    found
}

fn sections(contenders: &[Vec<Op>], found: &mut Contention) {
    let mut all: Vec<(usize, Op)> = Vec::with_capacity(found.ops);
    for (who, ops) in contenders.iter().enumerate() {
        all.extend(ops.iter().map(|op| (who, *op)));
    }
    all.sort_by_key(|(_, [_, got, ..])| *got);
    let start = all.iter().map(|(_, [asked, ..])| *asked).min();
    let end = all.iter().map(|(_, [.., released])| *released).max();
    found.total_ms = ms(end.unwrap_or_default(), start.unwrap_or_default());
    found.waits_ms = Sample::new(all.iter().map(|(_, [asked, got, ..])| ms(*got, *asked)));
    let mut hand_overs = Vec::new();
    let mut before: Option<(usize, u64)> = None;
    for (who, [_, got, releasing, _]) in all {
        if let Some((last_who, last_end)) = before {
            found.overlaps += usize::from(got < last_end);
            if who != last_who {
                hand_overs.push(ms(got, last_end));
            }
        }
        let reached = before.map_or(0, |(_, end)| end);
        before = Some((who, reached.max(releasing)));
    }
    found.hand_overs_ms = Sample::new(hand_overs);
}

fn lines(contenders: &[Vec<Op>], file: &str, found: &mut Contention) {
    let mut expected = HashSet::with_capacity(found.ops);
    for (who, ops) in contenders.iter().enumerate() {
        expected.extend((0..ops.len()).map(|i| format!("{{\"p\":{who},\"i\":{i}}}")));
    }
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for line in file.split('\n').filter(|line| !line.is_empty()) {
        if expected.contains(line) {
            *seen.entry(line).or_default() += 1;
        } else {
            found.torn += 1;
        }
    }
    found.lost = expected.len() - seen.len();
    found.doubled = seen.values().filter(|times| **times > 1).count();
}

/// May be negative: a section that began before the last one ended.
fn ms(later: u64, earlier: u64) -> f64 {
    (later as f64 - earlier as f64) / 1e6
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(who: usize, i: usize) -> String {
        format!("{{\"p\":{who},\"i\":{i}}}\n")
    }

    /// One after the other, in this order of contenders; each waits 1 ms, holds 2 and takes 1 to release.
    fn in_turn(order: &[usize], contenders: usize) -> (Vec<Vec<Op>>, String) {
        let (mut all, mut file) = (vec![Vec::new(); contenders], String::new());
        for (turn, who) in order.iter().enumerate() {
            let at = 1_000_000_000 + turn as u64 * 4_000_000;
            file += &line(*who, all[*who].len());
            all[*who].push([at, at + 1_000_000, at + 3_000_000, at + 4_000_000]);
        }
        (all, file)
    }

    #[test]
    fn one_after_the_other_is_sound_and_its_times_are_counted() {
        let (all, file) = in_turn(&[0, 1, 1, 0, 0], 2);
        let found = contention(&all, &file);
        assert!(!found.is_broken(), "{found:?}");
        assert_eq!((found.ops, found.total_ms), (5, 20.0));
        assert_eq!(found.waits_ms.median(), Some(1.0));
        // 0 to 1 and 1 to 0: from the end of one section to the start of the next.
        assert_eq!(found.hand_overs_ms.values(), [2.0, 2.0]);
        assert_eq!(found.unfairness(), Some(1.5));
    }

    #[test]
    fn a_contender_that_never_had_a_turn_counts_as_one() {
        let (all, file) = in_turn(&[0, 0, 0], 2);
        assert_eq!(contention(&all, &file).unfairness(), Some(3.0));
        assert_eq!(contention(&[], "").unfairness(), None);
    }

    #[test]
    fn a_section_inside_an_earlier_long_one_overlaps_though_its_neighbour_does_not() {
        // The second is over when the third begins; the first is not.
        let all = vec![
            vec![[0, 10, 100, 101]],
            vec![[0, 20, 30, 31]],
            vec![[0, 40, 50, 51]],
        ];
        let file = line(0, 0) + &line(1, 0) + &line(2, 0);
        let found = contention(&all, &file);
        assert_eq!((found.overlaps, found.lost), (2, 0));
        assert!(found.is_broken());
    }

    #[test]
    fn lost_doubled_and_torn_lines_are_told_apart() {
        let (all, _) = in_turn(&[0, 1, 0], 2);
        let file = line(0, 0) + &line(0, 0) + &line(1, 0) + "{\"p\":1,\"i\n";
        let found = contention(&all, &file);
        assert_eq!(
            (found.overlaps, found.lost, found.doubled, found.torn),
            (0, 1, 1, 1)
        );
        assert!(found.is_broken());
    }

    proptest! {
        #[test]
        fn overlaps_are_found_exactly_when_two_sections_share_a_moment(
            sections in prop::collection::vec((0_u64..400, 1_u64..12, 0_usize..4), 0..24),
        ) {
            let (mut all, mut file) = (vec![Vec::new(); 4], String::new());
            for (got, length, who) in &sections {
                file += &line(*who, all[*who].len());
                all[*who].push([*got, *got, got + length, got + length]);
            }
            let share = |a: &(u64, u64, usize), b: &(u64, u64, usize)| a.0 < b.0 + b.1 && b.0 < a.0 + a.1;
            let any = sections.iter().enumerate().any(|(i, a)| sections[..i].iter().any(|b| share(a, b)));
            let found = contention(&all, &file);
            prop_assert_eq!(found.overlaps > 0, any);
            prop_assert_eq!(found.lost + found.doubled + found.torn, 0);
        }

        #[test]
        fn any_turns_in_order_are_sound(order in prop::collection::vec(0_usize..5, 1..60)) {
            let (all, file) = in_turn(&order, 5);
            let found = contention(&all, &file);
            prop_assert!(!found.is_broken());
            prop_assert_eq!(found.ops, order.len());
        }

        #[test]
        fn a_line_that_is_gone_is_lost(order in prop::collection::vec(0_usize..5, 1..60), which in any::<prop::sample::Index>()) {
            let (all, file) = in_turn(&order, 5);
            let gone = which.index(order.len());
            let kept: String = file.split_inclusive('\n').enumerate().filter(|(i, _)| *i != gone).map(|(_, l)| l).collect();
            let found = contention(&all, &kept);
            prop_assert_eq!(found.lost, 1);
            prop_assert!(found.is_broken());
        }
    }
}
