//! Where this workspace and its target directory lie.

use std::path::{Path, PathBuf};

use crate::environment;

/// The root of the workspace, from where this crate was compiled.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .and_then(Path::parent)
        .expect("the crate lies two levels below the workspace")
}

/// The target directory of the running test. A test binary lies in it, below the tag file that cargo puts at its root, and
/// that holds whichever way the directory was configured; a documentation test runs elsewhere and asks the environment.
pub(crate) fn target() -> PathBuf {
    let exe = std::env::current_exe().expect("the test knows its own path");
    if let Some(tagged) = exe
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").is_file())
    {
        return tagged.to_path_buf();
    }
    // A relative value is meant from where cargo was started, which is the workspace for every command that we document.
    environment::var("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |dir| root().join(dir))
}
