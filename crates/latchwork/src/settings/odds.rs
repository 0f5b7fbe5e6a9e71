//! Values that are possible each by itself and do not go together. They stop nobody; they are told at the start, with both numbers.
//!
//! Only what somebody set is told: the defaults are OpenClaw's, where a waiter gives up long before a holder must.

use latchwork_config::{Key, Layer, Resolved, Warning};

use super::Settings;

const ACQUIRE: &str = "store.locks.acquire_timeout_ms";
const STALE: &str = "store.locks.stale_ms";
const HOLD: &str = "store.locks.max_hold_ms";

/// What does not go together.
pub(super) fn at_odds(resolved: &Resolved<Settings>) -> Vec<Warning> {
    let locks = &resolved.value.store.locks;
    let (acquire, stale, hold) = (locks.acquire_timeout_ms, locks.stale_ms, locks.max_hold_ms);
    let pairs = [
        (
            ACQUIRE,
            acquire,
            format!(
                "a writer gives up after {acquire} ms, though a healthy holder may keep the session for {hold} ms ({HOLD})"
            ),
        ),
        (
            STALE,
            stale,
            format!(
                "a peer's lock file is called stale after {stale} ms, though a healthy holder may keep it for {hold} ms ({HOLD})"
            ),
        ),
    ];
    let told = pairs.into_iter().filter(|(_, value, _)| *value < hold);
    told.filter_map(|(key, _, why)| {
        let set = |key: &str| {
            resolved
                .origin(key)
                .filter(|origin| origin.layer > Layer::Defaults)
        };
        let origin = set(key).or_else(|| set(HOLD))?.clone();
        Some(Warning::AtOdds {
            origin,
            key: Key::from(key),
            why,
        })
    })
    .collect()
}
