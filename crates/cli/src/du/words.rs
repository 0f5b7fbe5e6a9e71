//! What was found, for people.

use latchwork::format::Escaped;
use latchwork::{HomeSpace, KindSpace, SessionSpace, Shown, Space, SpaceKind};

use crate::output::{Output, dim, paint};

/// So many sessions of a home are named.
const SESSIONS_MAX: usize = 10;

pub(super) fn session(output: &mut Output, found: &SessionSpace, styled: bool) {
    let head = format!("{}  {}", sized(found.space.bytes), found.place.display());
    output.styled_line(&paint(styled, "1", &Escaped(&head).to_string()));
    space(output, &found.space, styled, false);
}

pub(super) fn home(output: &mut Output, found: &HomeSpace, styled: bool) {
    let head = format!(
        "{}  {}  ({} files)",
        sized(found.all.bytes),
        found.home.display(),
        found.all.count
    );
    output.styled_line(&paint(styled, "1", &Escaped(&head).to_string()));
    for one in &found.elsewhere {
        output.line(row(one.what, one.counted.count, one.counted.bytes));
    }
    let transcripts = found.sessions.len() as u64;
    output.line(row("transcripts", transcripts, found.space.bytes));
    space(output, &found.space, styled, true);
    let named = found.sessions.iter().take(SESSIONS_MAX);
    if !found.sessions.is_empty() {
        output.styled_line(&dim(styled, "largest sessions (transcript + beside it)"));
    }
    for one in named {
        output.line(format!(
            "{:>10} + {:>9}  {}",
            sized(one.bytes),
            sized(one.sidecar_bytes),
            one.session
        ));
    }
    let more = found.sessions.len().saturating_sub(SESSIONS_MAX);
    if more > 0 {
        output.styled_line(&dim(styled, &format!("and {more} more: --json names all")));
    }
}

fn space(output: &mut Output, space: &Space, styled: bool, several: bool) {
    let head = format!(
        "{:>10}  {:>10} {:>10} {:>10}  {:<12} {:>8}",
        "bytes", "context", "off", "dead", "kind", "count"
    );
    output.styled_line(&dim(styled, &head));
    let mut kinds: Vec<(&SpaceKind, &KindSpace)> = space.kinds.iter().collect();
    kinds.sort_by_key(|(_, taken)| std::cmp::Reverse(taken.bytes()));
    for (kind, taken) in kinds {
        output.line(columns(in_words(*kind), taken));
    }
    output.line(columns("all entries", &space.total()));
    output.line(row("frame", 0, space.frame_bytes));
    if space.damaged.count > 0 {
        let damaged = space.damaged;
        output.line(row("damaged", damaged.count, damaged.bytes));
    }
    if space.fragment_bytes > 0 {
        output.line(row("torn end", 0, space.fragment_bytes));
    }
    for one in &space.sidecars {
        output.line(row(one.what, one.counted.count, one.counted.bytes));
    }
    if !space.largest.is_empty() {
        output.styled_line(&dim(styled, "largest entries"));
    }
    for one in &space.largest {
        let session = match several {
            true => format!("  {}", one.session),
            false => String::new(),
        };
        let images = match one.image_bytes {
            0 => String::new(),
            images => format!(", {} of images", sized(images)),
        };
        output.line(format!(
            "{:>10}  {}  {}, {}{images}, line {}{session}",
            sized(one.bytes),
            one.id,
            in_words(one.kind),
            stands(one.shown),
            one.line
        ));
    }
}

fn columns(what: &str, taken: &KindSpace) -> String {
    format!(
        "{:>10}  {:>10} {:>10} {:>10}  {what:<12} {:>8}",
        sized(taken.bytes()),
        sized(taken.in_context),
        sized(taken.off_context),
        sized(taken.dead),
        taken.count
    )
}

fn row(what: &str, count: u64, bytes: u64) -> String {
    let count = match count {
        0 => String::new(),
        count => count.to_string(),
    };
    let row = format!("{:>10}  {:32}  {what:<12} {count:>8}", sized(bytes), "");
    row.trim_end().to_owned()
}

const fn stands(shown: Shown) -> &'static str {
    match shown {
        Shown::InContext => "in the context",
        Shown::Dead => "dead",
        _ => "not shown",
    }
}

const fn in_words(kind: SpaceKind) -> &'static str {
    match kind {
        SpaceKind::User => "user",
        SpaceKind::Assistant => "assistant",
        SpaceKind::ToolResult => "tool results",
        SpaceKind::Image => "images",
        SpaceKind::Reasoning => "reasoning",
        SpaceKind::Summary => "summaries",
        SpaceKind::System => "system",
        SpaceKind::Command => "commands",
        SpaceKind::Extension => "extensions",
        SpaceKind::Note => "notes",
        _ => "other",
    }
}

/// A size as people read it: exact below a kibibyte, else in one place behind the point.
fn sized(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    for unit in UNITS {
        if tenths < 10_240 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1024;
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::sized;

    #[test]
    fn sizes_are_read_in_units_that_fit() {
        for (bytes, words) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1 << 20, "1.0 MiB"),
            (98 << 30, "98.0 GiB"),
        ] {
            assert_eq!(sized(bytes), words);
        }
        assert_eq!(sized(u64::MAX), "15.9 EiB");
    }
}
