//! How long a campaign is, and the seed that decides its choices: variables that `cargo xtask torture` sets.

/// How many runs, or the campaign's own number.
pub(crate) fn runs(default: u64) -> u64 {
    number("LATCHWORK_TORTURE_RUNS", default)
}

/// The seed; the campaigns' own is the day on which the first was written.
pub(crate) fn seed() -> u64 {
    number("LATCHWORK_TORTURE_SEED", 20_261_123)
}

/// How many kills, or the campaign's own number.
pub(crate) fn kills(default: u64) -> u64 {
    number("LATCHWORK_TORTURE_KILLS", default)
}

/// How many states, if it was said.
pub(crate) fn states() -> Option<u64> {
    variable("LATCHWORK_TORTURE_STATES").map(|text| whole("LATCHWORK_TORTURE_STATES", &text))
}

/// How many cuts of the power on each filesystem, or the campaign's own number.
pub(crate) fn cuts(default: u64) -> u64 {
    number("LATCHWORK_TORTURE_CUTS", default)
}

/// Whether this filesystem is to be cut: the one that was said, or all.
pub(crate) fn is_cut(filesystem: &str) -> bool {
    variable("LATCHWORK_TORTURE_FILESYSTEM").is_none_or(|said| said == filesystem)
}

/// Whether more than the ordinary tests' share is asked for.
pub(crate) fn is_long() -> bool {
    states().is_some() || figures().is_some()
}

/// Whether each call of an operation is to be tried, not a share.
pub(crate) fn is_every() -> bool {
    variable("LATCHWORK_TORTURE_EVERY").is_some() || figures().is_some()
}

/// How many sessions the big home has, if it was said.
pub(crate) fn big_sessions() -> Option<u64> {
    variable("LATCHWORK_TORTURE_BIG").map(|text| whole("LATCHWORK_TORTURE_BIG", &text))
}

/// The one operation that is to be tried, by a part of its name.
pub(crate) fn only() -> Option<String> {
    variable("LATCHWORK_TORTURE_ONLY")
}

/// Where the figures of a campaign are to be added.
pub(crate) fn figures() -> Option<String> {
    variable("LATCHWORK_TORTURE_FIGURES")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a campaign is steered by variables"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str, default: u64) -> u64 {
    variable(name).map_or(default, |text| whole(name, &text))
}

fn whole(name: &str, text: &str) -> u64 {
    text.parse()
        .unwrap_or_else(|_| panic!("{name} is no number: {text}"))
}
