//! Prose and program text as it stands inside a JSON string: words, letters beyond ASCII, escapes, control characters.

use crate::workload::Numbers;

const PROSE: &[&str] = &[
    "the session ",
    "a writer ",
    "of the file ",
    "appends one line ",
    "and then ",
    "reads it ",
    "back, ",
    "because ",
    "the lock ",
    "was taken ",
    "by another ",
    "process ",
    "while the model ",
    "answered. ",
    "First ",
    "I will ",
    "look at the test ",
    "that fails, ",
    "then change ",
    "the function ",
    "and run it ",
    "again. ",
    "The error ",
    "says ",
    "\\\"no such file\\\" ",
    "in the folder ",
    "of sessions; ",
    "so ",
    "the path ",
    "is wrong.\\n",
    "It should be ",
    "relative to ",
    "the workspace ",
    "root. ",
    "Done: ",
    "three files changed, ",
    "all tests pass.\\n",
    "Shall I ",
    "also update ",
    "the documentation? ",
    "Yes, ",
    "please ",
    "keep it ",
    "short. ",
    "tokens ",
    "context ",
    "summary ",
    "branch ",
    "offset ",
    "checksum ",
    "na\u{ef}ve ",
    "\u{2014} ",
    "\u{201c}quoted\u{201d} ",
    "\u{6587}\u{4ef6}\u{9501} ",
    "\u{30bb}\u{30c3}\u{30b7}\u{30e7}\u{30f3} ",
    "\u{1f642} ",
    "Gr\u{f6}\u{df}e ",
    "\u{434}\u{430}\u{43d}\u{43d}\u{44b}\u{435} ",
    "\u{2192} ",
];

const CODE: &[&str] = &[
    "\\tlet value = read(path)?;\\n",
    "    if error.kind() != NotFound {\\n",
    "        return Err(error);\\n    }\\n",
    "fn main() -> Result<(), Error> {\\n",
    "}\\n",
    "export function parse(line) {\\n\\treturn JSON.parse(line);\\n}\\n",
    "ok 12 - appends \\\"one\\\" line (3 ms)\\n",
    "-rw-r--r-- 1 dev dev 18277 Oct 26 session.jsonl\\n",
    "@@ -1,4 +1,5 @@\\n-old\\\\path\\n+new\\\\path\\n",
    "\\u001b[32mPASS\\u001b[0m tests/lock.test.ts\\n",
    "{\\\"type\\\":\\\"message\\\",\\\"id\\\":\\\"deadbeef\\\"}\\n",
    "for (const entry of entries) {\\n",
];

const PATHS: &[&str] = &[
    "src/lib.rs",
    "src/session/lock.ts",
    "README.md",
    "docs/format.md",
    "tests/resume.test.ts",
    "scripts/release.sh",
];

/// At least so many bytes of prose, and little more.
pub(super) fn prose(numbers: &mut Numbers, bytes: usize, out: &mut String) {
    pieces(numbers, PROSE, bytes, out);
}

/// The same of program text and what programs print, with some prose in it.
pub(super) fn code(numbers: &mut Numbers, bytes: usize, out: &mut String) {
    let end = out.len() + bytes;
    while out.len() < end {
        let from = if numbers.one_in(3) { PROSE } else { CODE };
        out.push_str(numbers.of(from).copied().unwrap_or_default());
    }
}

/// The path of a file.
pub(super) fn path(numbers: &mut Numbers) -> &'static str {
    numbers.of(PATHS).copied().unwrap_or_default()
}

/// So many hexadecimal digits.
pub(super) fn hex(numbers: &mut Numbers, digits: usize, out: &mut String) {
    let end = out.len() + digits;
    while out.len() < end {
        out.push_str(&format!("{:016x}", numbers.draw()));
    }
    out.truncate(end);
}

/// A length that is mostly small and sometimes large, with this mean.
pub(super) fn skewed(numbers: &mut Numbers, mean: u64) -> usize {
    // The product of two even draws: mean 1/4, and a long thin end.
    let share = |numbers: &mut Numbers| numbers.below(1 << 20) as f64 / (1 << 20) as f64;
    let product = share(numbers) * share(numbers);
    (product * 4.0 * mean as f64) as usize
}

fn pieces(numbers: &mut Numbers, from: &[&str], bytes: usize, out: &mut String) {
    let end = out.len() + bytes;
    while out.len() < end {
        out.push_str(numbers.of(from).copied().unwrap_or_default());
    }
}
