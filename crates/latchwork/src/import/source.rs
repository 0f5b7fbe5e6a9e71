//! What a path holds, recognised by its content.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use latchwork_import::{
    Database, HEAD_BYTES, Reader, Recognised, SourceError, SourceKind, recognise,
};
use latchwork_sys::{DiskFile, IoDoing as _, OpenHow, System};

use super::ImportError;
use crate::{Latchwork, SessionKey};

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// One session of another program's, in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportSource {
    path: PathBuf,
    kind: SourceKind,
    /// Which session of a database.
    row: Option<String>,
}

impl ImportSource {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The program that wrote it.
    #[must_use]
    pub const fn kind(&self) -> SourceKind {
        self.kind
    }

    /// Which session of a database it is; `None` for a file of one session.
    #[must_use]
    pub fn row(&self) -> Option<&str> {
        self.row.as_deref()
    }

    /// The program's own name for the session.
    ///
    /// # Errors
    /// See [`ImportError`]: of its kinds those of reading.
    pub async fn name(&self, system: &System) -> Result<String, ImportError> {
        if let Some(row) = &self.row {
            return Ok(row.clone());
        }
        let (source, system) = (self.clone(), system.clone());
        let named = tokio::task::spawn_blocking(move || {
            let mut reader = source.reader(&system)?;
            // The first item comes when the name is known, or when there is none.
            reader.advance().map_err(|error| source.failed(error))?;
            Ok(reader.summary().session)
        });
        named
            .await
            .unwrap_or_else(|_| Err(ImportError::BrokeOff(self.path.clone())))
    }

    pub(super) fn failed(&self, source: SourceError) -> ImportError {
        ImportError::Source {
            path: self.path.clone(),
            source: Box::new(source),
        }
    }

    /// Begins to read it.
    pub(super) fn reader(&self, system: &System) -> Result<Reader<'static>, ImportError> {
        if let Some(row) = &self.row {
            let rows = Database::open(&self.path)?.rows(row)?;
            return Ok(Reader::rows(rows));
        }
        let input = Input::open(system, &self.path)?;
        let input = BufReader::with_capacity(BUFFER_BYTES, input);
        Ok(Reader::lines(self.kind, input))
    }
}

impl Latchwork {
    /// The sessions that a file holds: one, or those of a database. `kind`: what it is, where its content need not be asked.
    ///
    /// # Errors
    /// See [`ImportError`]: of its kinds those of opening.
    pub async fn import_sources(
        &self,
        path: &Path,
        kind: Option<SourceKind>,
    ) -> Result<Vec<ImportSource>, ImportError> {
        let (path, system) = (path.to_owned(), self.parts().system.clone());
        let named = path.clone();
        tokio::task::spawn_blocking(move || sources(&system, &path, kind))
            .await
            .unwrap_or(Err(ImportError::BrokeOff(named)))
    }

    /// The key of the session that a source becomes, if nobody says another: the program, and its own name for it.
    ///
    /// # Errors
    /// See [`ImportError`]: of its kinds those of reading; a name that no session can have.
    pub async fn import_key(&self, source: &ImportSource) -> Result<SessionKey, ImportError> {
        let name = source.name(&self.parts().system).await?;
        Ok(SessionKey::new(format!("{}-{name}", source.kind))?)
    }
}

fn sources(
    system: &System,
    path: &Path,
    kind: Option<SourceKind>,
) -> Result<Vec<ImportSource>, ImportError> {
    let mut head = Vec::new();
    let input = Input::open(system, path)?;
    let read = input.take(HEAD_BYTES as u64).read_to_end(&mut head);
    read.doing("read", path)?;
    let source = |kind, row| ImportSource {
        path: path.to_owned(),
        kind,
        row,
    };
    match (recognise(&head), kind) {
        (Some(Recognised::Database), kind) => {
            let database = Database::open(path)?;
            let found = database.kind();
            if let Some(kind) = kind.filter(|kind| *kind != found) {
                let path = path.to_owned();
                return Err(ImportError::OtherKind { path, kind });
            }
            let sessions = database.sessions()?.into_iter();
            Ok(sessions.map(|name| source(found, Some(name))).collect())
        }
        (_, Some(kind)) => Ok(vec![source(kind, None)]),
        (Some(Recognised::Lines(kind)), None) => Ok(vec![source(kind, None)]),
        (Some(Recognised::Transcript), None) => Err(ImportError::Transcript(path.to_owned())),
        _ => Err(ImportError::Unknown(path.to_owned())),
    }
}

/// A file, read from its beginning.
struct Input {
    file: Box<dyn DiskFile>,
    at: u64,
}

impl Input {
    fn open(system: &System, path: &Path) -> Result<Self, ImportError> {
        let file = system.disk.open(path, &OpenHow::reading().following());
        let file = file.doing("open", path)?;
        Ok(Self { file, at: 0 })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
