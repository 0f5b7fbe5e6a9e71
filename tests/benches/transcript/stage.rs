//! Where the sessions of a measurement lie, and how one is measured: by a process that is started for it alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use latchwork_testkit::peers::{Peers, PiVersion, Skipped};
use latchwork_testkit::program::{Home, Invocation};
use latchwork_tests::conversations::{self, Plan, Shape};
use latchwork_tests::measure::{Answer, Ask};
use tempfile::TempDir;

use crate::contender::Contender;
use crate::{Failure, say};

/// Ours and the bare calls, built by cargo in the profile of this benchmark.
const OURS: &str = env!("CARGO_BIN_EXE_transcript-figures");

/// The peers, in `tests/interop`.
const PEERS: &str = "transcript-figures.mjs";

/// The seed of all sessions.
const SEED: u64 = 1;

pub(crate) struct Stage {
    folder: TempDir,
    home: Home,
    peers: Result<Peers, Skipped>,
    openclaw: Result<(), Skipped>,
    new_pi: Result<(), Skipped>,
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
        // Without a configuration OpenClaw looks for one at each append.
        let settings = home.home().join(".openclaw");
        fs::create_dir_all(&settings)?;
        fs::write(settings.join("openclaw.json"), b"{}\n")?;
        let peers = Peers::find();
        // Asked for here, so that an install is not part of any figure.
        let openclaw = peers.clone().and_then(|peers| {
            let script = peers.openclaw_script(&home, &[], PEERS);
            script.map(|_| ())
        });
        let new_pi = peers.clone().and_then(|peers| {
            let script = peers.pi_script(PiVersion::V0_87_1, &home, PEERS);
            script.map(|_| ())
        });
        Ok(Self {
            folder,
            home,
            peers,
            openclaw,
            new_pi,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The peers that cannot be had here, and why.
    pub(crate) fn missing(&self) -> Vec<(&'static str, &Skipped)> {
        let openclaw = ("OpenClaw and the pi in it", self.openclaw.as_ref().err());
        let new_pi = ("The newest pi", self.new_pi.as_ref().err());
        [openclaw, new_pi]
            .into_iter()
            .filter_map(|(peer, why)| Some((peer, why?)))
            .collect()
    }

    /// Those of them that can be had here.
    pub(crate) fn available(&self, wanted: &[Contender]) -> Vec<Contender> {
        let here = |who: &Contender| match who {
            Contender::Pi | Contender::OpenClaw | Contender::OpenClawState => self.openclaw.is_ok(),
            Contender::NewPi => self.new_pi.is_ok(),
            _ => true,
        };
        wanted.iter().copied().filter(here).collect()
    }

    /// The versions of the peers and of their Node.
    pub(crate) fn versions(&self) -> Result<Vec<String>, Failure> {
        let mut all = Vec::new();
        for contender in self.available(&[Contender::OpenClaw, Contender::NewPi]) {
            let text = self.peer(contender, &Ask::Versions)?;
            let versions: serde_json::Value = serde_json::from_str(&text)?;
            for name in ["openclaw", "pi", "node"] {
                if let Some(version) = versions[name].as_str() {
                    let named = format!("{name} {version}");
                    if !all.contains(&named) {
                        all.push(named);
                    }
                }
            }
        }
        Ok(all)
    }

    /// One measurement, in a process of its own.
    pub(crate) fn ask(&self, contender: Contender, ask: &Ask) -> Result<Answer, Failure> {
        let text = match contender {
            Contender::Pi | Contender::NewPi | Contender::OpenClaw | Contender::OpenClawState => {
                self.peer(contender, ask)?
            }
            _ => ours(&mut Command::new(OURS), ask)?,
        };
        Ok(serde_json::from_str(&text)?)
    }

    /// The same of ours in no more than so many bytes of address space.
    pub(crate) fn ask_within(&self, bytes: u64, ask: &Ask) -> Result<Answer, Failure> {
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--as={bytes}")).arg(OURS);
        Ok(serde_json::from_str(&ours(&mut limited, ask)?)?)
    }

    fn peer(&self, contender: Contender, ask: &Ask) -> Result<String, Failure> {
        let script = self.script(contender)?;
        let finished = script.arg(serde_json::to_string(ask)?).run();
        if finished.code() != Some(0) {
            return Err(format!("{contender} failed: {finished}").into());
        }
        let last = finished.stdout.lines().next_back();
        Ok(last.unwrap_or_default().to_owned())
    }

    fn script(&self, contender: Contender) -> Result<Invocation, Failure> {
        let peers = self.peers.as_ref().map_err(Clone::clone)?;
        Ok(match contender {
            Contender::NewPi => peers
                .pi_script(PiVersion::V0_87_1, &self.home, PEERS)?
                .arg("pi"),
            _ => peers.openclaw_script(&self.home, &[], PEERS)?,
        })
    }

    /// A session of that many entries in a folder of its own, made when it is first asked for.
    pub(crate) fn session(&self, shape: Shape, entries: u64) -> Result<Session, Failure> {
        let folder = self.folder().join(format!("{}-{entries}", shape.name()));
        let file = folder.join("s.jsonl");
        if !file.exists() {
            fs::create_dir_all(&folder)?;
            if entries > 0 {
                say(&format!(
                    "making a {} session of {entries} entries",
                    shape.name()
                ));
                let plan = Plan {
                    seed: SEED,
                    entries,
                    shape,
                };
                conversations::write_file(plan, &file)?;
            }
        }
        Ok(Session {
            bytes: fs::metadata(&file).map_or(0, |found| found.len()),
            file,
        })
    }

    /// A copy of it, with what a writer of ours saves beside a transcript.
    pub(crate) fn saved(&self, of: &Session) -> Result<Session, Failure> {
        let own = of.file.parent().unwrap_or(Path::new("."));
        let folder = own.with_extension("saved");
        let file = folder.join("s.jsonl");
        if !file.exists() {
            fs::create_dir_all(&folder)?;
            fs::copy(&of.file, &file)?;
            self.ask(Contender::Ours, &Ask::Prime { file: file.clone() })?;
        }
        Ok(Session {
            bytes: fs::metadata(&file)?.len(),
            file,
        })
    }

    /// A folder of sessions, with the index that OpenClaw lists.
    pub(crate) fn list(&self, sessions: u64, entries: u64) -> Result<PathBuf, Failure> {
        let folder = self.folder().join("list");
        fs::create_dir_all(&folder)?;
        let mut index = serde_json::Map::new();
        for number in 0..sessions {
            let name = format!("session-{number:05}");
            let file = folder.join(format!("{name}.jsonl"));
            let plan = Plan {
                seed: SEED + number,
                entries,
                shape: Shape::Mixed,
            };
            conversations::write_file(plan, &file)?;
            let entry = serde_json::json!({ "sessionId": name, "updatedAt": 1_767_600_000_000 + number, "sessionFile": file });
            index.insert(format!("agent:main:direct:{name}"), entry);
        }
        fs::write(
            folder.join("sessions.json"),
            serde_json::Value::from(index).to_string(),
        )?;
        Ok(folder)
    }

    /// Messages for appending, as JSON lines.
    pub(crate) fn messages(&self, count: usize) -> Result<PathBuf, Failure> {
        let path = self.folder().join(format!("messages-{count}"));
        if !path.exists() {
            let all = conversations::messages(SEED, count);
            fs::write(&path, all.join("\n") + "\n")?;
        }
        Ok(path)
    }
}

fn ours(program: &mut Command, ask: &Ask) -> Result<String, Failure> {
    let output = program
        .arg("measure")
        .arg(serde_json::to_string(ask)?)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{ask:?}: {}; {said}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A session of the stage.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) file: PathBuf,
    /// Its length when it was made.
    pub(crate) bytes: u64,
}

impl Session {
    /// Brings its pages into memory, as those of a session in use are.
    pub(crate) fn warm(&self) -> Result<(), Failure> {
        if self.bytes == 0 {
            return Ok(());
        }
        std::io::copy(&mut fs::File::open(&self.file)?, &mut std::io::sink())?;
        Ok(())
    }

    /// What was appended to it.
    pub(crate) fn appended(&self) -> Result<Vec<u8>, Failure> {
        use std::io::{Read as _, Seek as _, SeekFrom};
        let (mut file, mut bytes) = (fs::File::open(&self.file)?, Vec::new());
        file.seek(SeekFrom::Start(self.bytes))?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// As it was made, with nothing beside it.
    pub(crate) fn restore(&self) -> Result<(), Failure> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => fs::remove_dir_all(path)?,
                false if path == self.file && self.bytes > 0 => {}
                false => fs::remove_file(path)?,
            }
        }
        if self.bytes > 0 {
            let file = fs::OpenOptions::new().write(true).open(&self.file)?;
            file.set_len(self.bytes)?;
        }
        Ok(())
    }
}
