//! Reading `/proc/PID/stat`.
//!
//! The second field is the program's own name in parentheses, and it may contain spaces and
//! parentheses itself; so fields are counted from the last `)` of the line.

/// The fields of `/proc/PID/stat` that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcStat {
    /// Process id (field 1).
    pub pid: u32,
    /// State letter (field 3).
    pub state: char,
    /// Start in clock ticks since boot (field 22).
    pub starttime: u64,
}

/// Parses one line of `/proc/PID/stat`; `None` if it is anything else.
#[must_use]
pub fn parse_proc_stat(line: &[u8]) -> Option<ProcStat> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let pid = std::str::from_utf8(line.get(..open)?)
        .ok()?
        .trim_end()
        .parse()
        .ok()?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let mut letters = fields.next()?.chars();
    let state = letters.next().filter(char::is_ascii_alphabetic)?;
    if letters.next().is_some() {
        return None;
    }
    // The state is field 3; 18 fields lie between it and field 22.
    let starttime = fields.nth(18)?.parse().ok()?;
    Some(ProcStat {
        pid,
        state,
        starttime,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_program_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let line =
            b"4182 (evil ) R 1 (x)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 90412345 20\n";
        let stat = parse_proc_stat(line).unwrap();
        assert_eq!(
            stat,
            ProcStat {
                pid: 4182,
                state: 'S',
                starttime: 90_412_345
            }
        );
    }

    proptest! {
        #[test]
        fn any_program_name_is_skipped_and_the_fields_are_found(
            pid in 1_u32..4_000_000, name in proptest::collection::vec(any::<u8>(), 0..20),
            state in "[RSDZTtXI]", starttime in any::<u64>(), between in proptest::collection::vec(any::<i32>(), 18),
        ) {
            let mut line = format!("{pid} (").into_bytes();
            line.extend(&name);
            line.extend(format!(") {state}").bytes());
            for field in between {
                line.extend(format!(" {field}").bytes());
            }
            line.extend(format!(" {starttime} 1 2 3\n").bytes());
            let stat = parse_proc_stat(&line).unwrap();
            prop_assert_eq!(stat, ProcStat { pid, state: state.chars().next().unwrap(), starttime });
        }

        #[test]
        fn no_bytes_make_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_proc_stat(&line);
        }
    }
}
