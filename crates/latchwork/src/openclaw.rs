//! An OpenClaw home's session store, with the locks of these settings, and what its own settings say of maintenance.
//!
//! Deliberately absent: everything that the store's crate does.

use std::path::{Path, PathBuf};

use latchwork_config::{Format, Layers, SourceFile};
use latchwork_filelock::Latches;
use latchwork_openclaw::maintenance::MaintenanceOptions;
use latchwork_openclaw::{IndexError, STORE_NAME, SessionIndex, StoreOptions};
use latchwork_sys::{OpenHow, System, read_at_most};
use serde_json::Value;

use crate::Latchwork;

/// A settings file of OpenClaw larger than this is none, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;

impl Latchwork {
    /// The store of the OpenClaw home that is set, or in whose agent's folder our home lies.
    #[must_use]
    pub fn openclaw_store(&self) -> Option<PathBuf> {
        let settings = self.settings();
        let agent = match (&settings.openclaw_home, &settings.home) {
            (Some(openclaw), _) => openclaw.join("agents").join("main"),
            (None, Some(home)) => {
                let of_agents = home.parent()?.file_name()? == "agents";
                of_agents.then(|| home.clone())?
            }
            (None, None) => return None,
        };
        Some(agent.join("sessions").join(STORE_NAME))
    }

    /// The session store at a path: the file, or the folder that it lies in.
    ///
    /// # Errors
    /// [`IndexError::BadPath`].
    pub fn session_index(&self, store: &Path) -> Result<SessionIndex, IndexError> {
        let parts = self.parts();
        let locks = parts.settings().store.locks.clone();
        let latches = Latches::with_inherited(parts.system.clone(), locks, parts.inherited.clone());
        SessionIndex::new(latches, store, StoreOptions::default())
    }

    /// What the `openclaw.json` of the home that a store lies in says of maintenance, and what of it is not understood.
    #[must_use]
    pub fn maintenance_of(&self, store: &Path) -> (MaintenanceOptions, Vec<String>) {
        let home = store.ancestors().nth(4);
        let Some(file) = home.map(|home| home.join("openclaw.json")) else {
            return Default::default();
        };
        let Some(text) = text_of(&self.parts().system, &file) else {
            return Default::default();
        };
        let source = SourceFile::new(&file, text, Format::Json5);
        match Layers::new().user_file(&source).resolve::<Value>() {
            Ok(read) => match read.value.pointer("/session/maintenance") {
                Some(section) => MaintenanceOptions::of_openclaw(section),
                None => Default::default(),
            },
            Err(_) => (
                MaintenanceOptions::default(),
                vec![format!(
                    "{file:?} cannot be understood; what is said there of maintenance does not hold"
                )],
            ),
        }
    }
}

/// `None` where there is no such file, or none that can be read.
fn text_of(system: &System, path: &Path) -> Option<String> {
    let file = system
        .disk
        .open(path, &OpenHow::reading().following())
        .ok()?;
    let bytes = read_at_most(&*file, FILE_BYTES_MAX + 1).ok()?;
    if bytes.len() > FILE_BYTES_MAX {
        return None;
    }
    String::from_utf8(bytes).ok()
}
