//! Where there is neither Landlock nor bubblewrap: none is ever found, and their types have no values.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::Grants;

#[derive(Debug)]
pub(crate) struct Bubblewrap(Infallible);

impl Bubblewrap {
    pub(crate) fn detect(
        _program: Option<PathBuf>,
        _grants: &Grants,
        _temporary: &Path,
    ) -> Result<Self, String> {
        Err("it is Linux only".to_owned())
    }

    pub(crate) fn command(&self, _shell: &Path, _grants: &Grants, _private: &Path) -> Command {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct Landlock(Infallible);

impl Landlock {
    pub(crate) fn detect(_required: bool, _network: bool) -> Result<Self, String> {
        Err("it is Linux only".to_owned())
    }

    pub(crate) fn name(&self) -> String {
        match self.0 {}
    }

    pub(crate) fn gaps(&self, _network: bool) -> Vec<&'static str> {
        match self.0 {}
    }

    pub(crate) fn spawn(
        &self,
        _command: &mut Command,
        _grants: &Grants,
        _private: &Path,
    ) -> io::Result<Child> {
        match self.0 {}
    }
}
