//! The one place that reads this process's environment: where tools are found, and what the person who runs the tests asks for.

use std::ffi::OsString;

/// Set to `1`, an absent peer is a failure and not a skip; CI sets it.
pub(crate) const REQUIRE_PEERS: &str = "LATCHWORK_REQUIRE_PEERS";

/// One variable of this process's environment, if it is set.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are programs too: this is their one place, and nothing of it reaches the product"
)]
pub(crate) fn var(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
