//! Who holds something, in words that an error can print and a person can act upon.
//!
//! A holder is a diagnosis, never a decision: nothing is taken from anybody because of what stands here.

use std::fmt;

/// Who holds a session or a claim, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// Process id in the holder's own namespace.
    pub pid: Option<u32>,
    /// Name of the machine.
    pub host: Option<String>,
    /// State of the process in a word or a letter (`R`, `S`, `T` for stopped, ...), when it could be seen.
    pub state: Option<String>,
    /// The program.
    pub command: Option<String>,
    /// The phase that it is in.
    pub phase: Option<String>,
    /// Since when, ISO 8601.
    pub since: Option<String>,
}

impl Holder {
    /// A holder of which only the process id is known; fill in the rest by assignment.
    #[must_use]
    pub fn process(pid: u32) -> Self {
        Self {
            pid: Some(pid),
            ..Self::default()
        }
    }
}

/// Writes a value that may come from a file of somebody else's, without letting it steer a terminal.
fn plain(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "{}", text.escape_debug())
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("an unknown process")?,
        }
        for (before, value) in [
            (" on ", &self.host),
            (", ", &self.command),
            (", state ", &self.state),
            (", in phase ", &self.phase),
            (", since ", &self.since),
        ] {
            if let Some(value) = value {
                f.write_str(before)?;
                plain(f, value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Holder;

    #[test]
    fn a_holder_cannot_steer_a_terminal() {
        let mut holder = Holder::process(7);
        holder.command = Some("x\u{1b}]52;c;AAAA\u{7}\u{9b}2J\u{202e}".into());
        let shown = holder.to_string();
        assert!(
            shown.chars().all(|c| !c.is_control() && c != '\u{202e}'),
            "{shown}"
        );
        assert!(shown.starts_with("process 7, x"));
    }
}
