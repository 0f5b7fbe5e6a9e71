//! Where there is no Landlock: it is never found, and the type has no value.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::process::{Child, Command};

use super::Grants;

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
