//! An OpenClaw home's session store, with the locks of these settings, and what its own settings say of maintenance.
//!
//! Deliberately absent: everything that the store's crate does.

use std::path::{Path, PathBuf};

use latchwork_config::{Format, Layers, SourceFile};
use latchwork_filelock::Latches;
use latchwork_openclaw::maintenance::MaintenanceOptions;
use latchwork_openclaw::{IndexError, STORE_NAME, SessionIndex, StoreOptions};
use latchwork_sys::{IoDoing as _, OpenHow, PathError, System, read_at_most};
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

    /// The stores of all agents of the OpenClaw home that is set, by the agents' names.
    ///
    /// # Errors
    /// [`PathError`] when its folder of agents cannot be listed.
    pub fn openclaw_stores(&self) -> Result<Vec<(String, PathBuf)>, PathError> {
        let settings = self.settings();
        let Some(home) = &settings.openclaw_home else {
            return Ok(Vec::new());
        };
        let (disk, agents) = (&self.parts().system.disk, home.join("agents"));
        let mut names = disk.list(&agents).doing("list", &agents)?;
        names.sort();
        let store = |name: std::ffi::OsString| {
            let name = name.into_string().ok()?;
            let store = agents.join(&name).join("sessions").join(STORE_NAME);
            disk.facts(&store).is_ok().then_some((name, store))
        };
        Ok(names.into_iter().filter_map(store).collect())
    }

    /// Whose store it is (`…/agents/<id>/sessions/sessions.json`).
    #[must_use]
    pub fn agent_of(store: &Path) -> Option<&str> {
        let agent = store.ancestors().nth(2)?;
        let of_agents = agent.parent()?.file_name()? == "agents";
        of_agents.then(|| agent.file_name()?.to_str()).flatten()
    }

    /// How the `openclaw.json` of the home that a store lies in divides direct messages into sessions; OpenClaw's default is `main`: they
    /// share the main session.
    #[must_use]
    pub fn dm_scope_of(&self, store: &Path) -> String {
        let set = match self.openclaw_settings(store) {
            Some((_, Ok(set))) => set,
            Some((_, Err(()))) => return "unknown: openclaw.json cannot be understood".to_owned(),
            None => Value::Null,
        };
        match set.pointer("/session/dmScope") {
            None => "main".to_owned(),
            Some(Value::String(scope)) => scope.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// The `openclaw.json` of the home that a store lies in, and what it says; `None` where there is none.
    fn openclaw_settings(&self, store: &Path) -> Option<(PathBuf, Result<Value, ()>)> {
        let file = store.ancestors().nth(4)?.join("openclaw.json");
        let text = text_of(&self.parts().system, &file)?;
        let source = SourceFile::new(&file, text, Format::Json5);
        let read = Layers::new().user_file(&source).resolve::<Value>();
        Some((file, read.map(|read| read.value).map_err(drop)))
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
        match self.openclaw_settings(store) {
            None => Default::default(),
            Some((_, Ok(set))) => match set.pointer("/session/maintenance") {
                Some(section) => MaintenanceOptions::of_openclaw(section),
                None => Default::default(),
            },
            Some((file, Err(()))) => (
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
