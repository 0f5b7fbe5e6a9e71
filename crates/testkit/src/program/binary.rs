//! The `latchwork` binary, built once per test process.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::workspace;

/// The path of the `latchwork` binary with its fault points compiled in, built by cargo if it is not fresh.
///
/// The binary is of this test's own profile and lies in its own target directory, so a second call, and a second test
/// binary, finds it built.
///
/// # Panics
/// When it does not build.
///
/// # Blocking
/// For as long as cargo takes.
pub fn latchwork() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build)
}

fn build() -> PathBuf {
    let build = escargot::CargoBuild::new()
        .manifest_path(workspace::root().join("Cargo.toml"))
        .target_dir(workspace::target())
        .package("latchwork-cli")
        .bin("latchwork")
        .features("fault-points");
    let build = if cfg!(debug_assertions) {
        build
    } else {
        build.release()
    };
    match build.run() {
        Ok(run) => run.path().to_path_buf(),
        Err(error) => panic!(
            "the latchwork binary did not build; `cargo build -p latchwork-cli --features fault-points` shows why: {error}"
        ),
    }
}
