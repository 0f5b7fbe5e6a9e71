//! `latchwork completions` and `latchwork man`: what a shell and `man` want to know, made from what may be typed.
//!
//! Neither looks at settings or sessions, so both work in a package's build and where no home is.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use crate::args::{Completions, Man, Typed};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Writes a shell's completions to standard output.
pub(crate) fn completions(typed: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(typed.shell, &mut Typed::command(), "latchwork", &mut script);
    print(&script)
}

/// Writes the page of the program to standard output, or with a folder the pages of the program and of each command there.
pub(crate) fn man(typed: &Man) -> Result<Exit, Failure> {
    let mut program = Typed::command();
    program.build();
    let Some(folder) = &typed.out else {
        return print(&page(&program)?);
    };
    let mut output = Output::standard();
    let commands = program.get_subcommands().filter(|one| !one.is_hide_set());
    for command in std::iter::once(&program).chain(commands) {
        let path = write(folder, command)?;
        output.line(path.display());
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn write(folder: &Path, command: &clap::Command) -> Result<PathBuf, Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page(command)?).map_err(|error| {
        Failure::new(format!("the page {path:?} cannot be written")).because(&error)
    })?;
    Ok(path)
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| Failure::new("the page cannot be made").because(&error))?;
    Ok(page)
}

/// Text of our own making; it goes out as it is.
fn print(text: &[u8]) -> Result<Exit, Failure> {
    let mut output = Output::standard();
    for line in String::from_utf8_lossy(text).lines() {
        output.styled_line(line);
    }
    output.finish()?;
    Ok(Exit::Ok)
}
