//! Where the files of a measurement lie, and how a worker is started on one of them.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use latchwork_testkit::peers::{Peers, Skipped};
use latchwork_testkit::program::{Home, Invocation};
use tempfile::TempDir;

use crate::Failure;
use crate::contender::Contender;
use crate::worker::Worker;

/// Our worker, built by cargo in the profile of this benchmark.
const WORKER: &str = env!("CARGO_BIN_EXE_lock-worker");

/// OpenClaw's, in `tests/interop`.
const OPENCLAW_WORKER: &str = "lock-worker.mjs";

pub(crate) struct Stage {
    folder: TempDir,
    home: Home,
    openclaw: Result<Peers, Skipped>,
    files: Cell<u32>,
}

impl Stage {
    pub(crate) fn set(folder: Option<&Path>) -> Result<Self, Failure> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("latchwork-bench-");
        let folder = match folder {
            Some(parent) => builder.tempdir_in(parent)?,
            None => builder.tempdir()?,
        };
        let home = Home::new();
        // Asked once here, so that an install is not part of any figure.
        let openclaw = Peers::find().and_then(|peers| {
            peers
                .openclaw_script(&home, &[], OPENCLAW_WORKER)
                .map(|_| peers)
        });
        Ok(Self {
            folder,
            home,
            openclaw,
            files: Cell::new(0),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn why_no_openclaw(&self) -> Option<&Skipped> {
        self.openclaw.as_ref().err()
    }

    /// Those of them that can be had here.
    pub(crate) fn available(&self, wanted: &[Contender]) -> Vec<Contender> {
        let here = |who: &Contender| *who != Contender::OpenClaw || self.openclaw.is_ok();
        wanted.iter().copied().filter(here).collect()
    }

    /// The versions of OpenClaw and its Node, where they are here.
    pub(crate) fn versions(&self) -> Result<Vec<String>, Failure> {
        if self.openclaw.is_err() {
            return Ok(Vec::new());
        }
        let mut worker = self.worker(Contender::OpenClaw, &self.file()?, 0)?;
        let versions: serde_json::Value =
            serde_json::from_str(&worker.ask("versions", "versions")?)?;
        worker.end();
        let of = |name: &str| versions[name].as_str().unwrap_or("unknown").to_owned();
        Ok(vec![format!(
            "openclaw {}, Node {}",
            of("openclaw"),
            of("node")
        )])
    }

    /// An empty transcript in a folder of its own, so that no two measurements share a directory.
    pub(crate) fn file(&self) -> Result<PathBuf, Failure> {
        let number = self.files.get();
        self.files.set(number + 1);
        let folder = self.folder().join(number.to_string());
        fs::create_dir(&folder)?;
        let file = folder.join("s.jsonl");
        fs::write(&file, b"")?;
        Ok(file)
    }

    /// A worker that has said that it is ready.
    pub(crate) fn worker(&self, who: Contender, file: &Path, id: usize) -> Result<Worker, Failure> {
        let invocation = self.invocation(who)?;
        let invocation = invocation
            .arg("--file")
            .arg(file)
            .arg("--id")
            .arg(id.to_string());
        let mut worker = Worker::new(who, invocation.spawn());
        worker.answer("ready")?;
        Ok(worker)
    }

    /// Several, started together.
    pub(crate) fn workers(
        &self,
        who: Contender,
        file: &Path,
        count: usize,
    ) -> Result<Vec<Worker>, Failure> {
        let mut workers = Vec::new();
        for id in 0..count {
            let invocation = self.invocation(who)?;
            let invocation = invocation
                .arg("--file")
                .arg(file)
                .arg("--id")
                .arg(id.to_string());
            workers.push(Worker::new(who, invocation.spawn()));
        }
        for worker in &mut workers {
            worker.answer("ready")?;
        }
        Ok(workers)
    }

    fn invocation(&self, who: Contender) -> Result<Invocation, Failure> {
        Ok(match who.arguments() {
            Some(arguments) => self.home.program(WORKER, arguments),
            None => self
                .openclaw
                .as_ref()
                .map_err(Clone::clone)?
                .openclaw_script(&self.home, &[], OPENCLAW_WORKER)?,
        })
    }
}
