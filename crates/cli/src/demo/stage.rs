//! What the demo plays on: a folder of its own with a home, a working folder and the recorded session.

use std::path::{Path, PathBuf};
use std::time::Duration;

use latchwork::sys::hex_id;

use crate::failure::Failure;
use crate::world::World;

/// What the recorded model says.
const RECORDING: &str = include_str!("../../assets/demo.jsonl");
/// What lies in the working folder.
const LIST: &str = "# Release 1.4\n\n- [x] changelog\n- [ ] tag\n- [ ] announce\n";

/// The folder of one run of the demo. It stays, so that its transcript can be looked at.
#[derive(Debug)]
pub(crate) struct Stage {
    dir: PathBuf,
}

impl Stage {
    /// Makes the folder, in `$LATCHWORK_HOME/demo` if that is set, else in the temporary directory.
    pub(crate) fn set(world: &World) -> Result<Self, Failure> {
        let temporary = || {
            world
                .environment
                .get("TMPDIR")
                .filter(|dir| !dir.is_empty())
                .map_or("/tmp", String::as_str)
        };
        let above = match world
            .environment
            .get("LATCHWORK_HOME")
            .filter(|home| !home.is_empty())
        {
            Some(home) => Path::new(home).join("demo"),
            None => PathBuf::from(temporary()),
        };
        let dir = above.join(format!(
            "latchwork-demo-{}",
            hex_id(&*world.system.entropy, 4)
        ));
        let stage = Self { dir };
        let put = || {
            std::fs::create_dir_all(stage.folder())?;
            std::fs::write(stage.folder().join("release.md"), LIST)?;
            std::fs::write(stage.recording(), RECORDING)
        };
        put().map_err(|error| {
            Failure::new(format!(
                "the folder of the demo cannot be made ({})",
                stage.dir.display()
            ))
            .because(&error)
        })?;
        Ok(stage)
    }

    /// Where the sessions of the demo lie.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.join("home")
    }

    /// The working folder of its turns.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.join("folder")
    }

    fn recording(&self) -> PathBuf {
        self.dir.join("recording.jsonl")
    }

    /// The recorded model, at this pace for each reply.
    pub(crate) fn model(&self, pace: Duration) -> String {
        format!(
            "replay:{}@{}ms",
            self.recording().display(),
            pace.as_millis()
        )
    }
}
