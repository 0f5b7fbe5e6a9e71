//! What is measured, for Prometheus: a page over HTTP, or its text. Needs the feature `prometheus`.
//!
//! The names stand in [`crate::filelock::meter`] and [`crate::transcript::meter`]. Times are histograms in seconds.

use std::net::SocketAddr;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// The edges of the histograms, in seconds: from a latch that nobody wants to a turn that is waited for.
const EDGES: [f64; 13] = [
    0.000_05, 0.000_2, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
#[error(
    "metrics cannot be shown at {at}; is the address taken, or does something else measure already?"
)]
pub struct MetricsError {
    at: String,
    source: BuildError,
}

/// From now on everything is measured and shown at `http://ADDRESS/metrics`. Once in a process; within a tokio runtime.
///
/// Whoever can reach the address can read it: no text of a conversation is there, but names of phases are.
///
/// # Errors
/// [`MetricsError`].
pub fn serve(at: SocketAddr) -> Result<(), MetricsError> {
    let failed = |source| MetricsError {
        at: at.to_string(),
        source,
    };
    let builder = builder().map_err(failed)?.with_http_listener(at);
    builder.install().map_err(failed)
}

/// From now on everything is measured; the handle renders it. Once in a process.
///
/// # Errors
/// [`MetricsError`].
pub fn record() -> Result<PrometheusHandle, MetricsError> {
    let failed = |source| MetricsError {
        at: "this process".to_owned(),
        source,
    };
    builder()
        .map_err(failed)?
        .install_recorder()
        .map_err(failed)
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &EDGES)
}
