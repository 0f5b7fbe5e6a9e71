//! How long a campaign is, and the seed that decides its choices: two variables that `cargo xtask torture` sets.

/// How many runs, or the campaign's own number.
pub(crate) fn runs(default: u64) -> u64 {
    number("LATCHWORK_TORTURE_RUNS", default)
}

/// The seed; the campaigns' own is the day on which the first was written.
pub(crate) fn seed() -> u64 {
    number("LATCHWORK_TORTURE_SEED", 20_261_123)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a campaign is steered by two variables"
)]
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}"))
    })
}
