//! Who asked for JSON: a command that was understood, or a line that was not.

use std::ffi::OsString;

use super::{Command, ConfigWhat};

impl Command {
    /// Whether `--json` was given, where a command takes it: completions and pages are for shells and for `man`.
    pub(crate) const fn wants_json(&self) -> bool {
        match self {
            Self::Run(typed) => typed.json,
            Self::Demo(typed) => typed.json,
            Self::Show(typed) => typed.json,
            Self::Sessions(typed) => match &typed.what {
                Some(what) => what.wants_json(),
                None => typed.json,
            },
            Self::Append(typed) => typed.json,
            Self::Verify(typed) => typed.json,
            Self::Repair(typed) => typed.json,
            Self::Rewind(typed) => typed.json,
            Self::Fork(typed) => typed.json,
            Self::Branches(typed) => typed.json,
            Self::Label(typed) => typed.json,
            Self::Merge(typed) => typed.json,
            Self::Vacuum(typed) => typed.json,
            Self::Redact(typed) => typed.json,
            Self::Du(typed) => typed.json,
            Self::Blobs(typed) => typed.what.wants_json(),
            Self::Tree(typed) => typed.json,
            Self::Tail(typed) => typed.json,
            Self::Watch(typed) => typed.json,
            Self::Mirror(typed) => typed.what.wants_json(),
            Self::Locks(typed) => typed.json,
            Self::Why(typed) => typed.json,
            Self::Lock(typed) => typed.json,
            Self::Unlock(typed) => typed.json,
            Self::Doctor(typed) => typed.json,
            Self::Config(typed) => typed.what.wants_json(),
            Self::Completions(_) | Self::Man(_) => false,
        }
    }
}

impl ConfigWhat {
    const fn wants_json(&self) -> bool {
        match self {
            Self::Show { json, .. }
            | Self::Explain { json, .. }
            | Self::Check { json, .. }
            | Self::Schema { json }
            | Self::Set { json, .. }
            | Self::Path { json } => *json,
        }
    }
}

/// Whether a command line that makes no sense was meant to be answered in JSON.
pub(crate) fn wanted_json(words: impl IntoIterator<Item = OsString>) -> bool {
    let own = words.into_iter().take_while(|word| word != "--");
    own.skip(1).any(|word| word == "--json")
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::super::Typed;
    use super::wanted_json;

    #[test]
    fn every_command_takes_json_but_those_that_write_for_a_shell_or_for_man() {
        let without = |command: &clap::Command| {
            !command
                .get_arguments()
                .any(|arg| arg.get_long() == Some("json"))
        };
        let mut silent = Vec::new();
        for command in Typed::command().get_subcommands() {
            let inner: Vec<_> = command.get_subcommands().collect();
            let ends = if inner.is_empty() {
                vec![command]
            } else {
                inner
            };
            silent.extend(
                ends.into_iter()
                    .filter(|end| without(end))
                    .map(|end| end.get_name().to_owned()),
            );
        }
        assert_eq!(silent, ["completions", "man"]);
        let typed = |line: &str| {
            Typed::try_parse_from(line.split(' '))
                .unwrap()
                .command
                .wants_json()
        };
        for line in [
            "l run --json",
            "l demo --json",
            "l show s --json",
            "l sessions --json",
            "l sessions import f --json",
            "l sessions list --json",
            "l sessions cleanup --json",
            "l sessions export s --json",
            "l sessions rm s --json",
            "l sessions archive s --json",
            "l sessions restore s --json",
            "l sessions show s --json",
            "l du --json",
            "l blobs out s --json",
            "l blobs in s --json",
            "l blobs gc --json",
            "l tree s --json",
            "l tail s --json",
            "l append s --json",
            "l verify s --json",
            "l repair s --json",
            "l rewind s root --json",
            "l fork s t --json",
            "l branches s --json",
            "l label s e --json",
            "l merge s e --json",
            "l watch s --json",
            "l locks --json",
            "l why s --json",
            "l lock s --json -- x",
            "l unlock s --json",
            "l doctor --json",
            "l config show --json",
            "l config explain k --json",
            "l config check --json",
            "l config schema --json",
            "l config set k v --json",
            "l config path --json",
        ] {
            assert!(typed(line), "{line}");
            assert!(!typed(&line.replace(" --json", "")), "{line}");
        }
        assert!(!typed("l lock s -- x --json"));
    }

    #[test]
    fn a_senseless_line_is_answered_in_json_if_it_asked_for_that_itself() {
        let wanted = |line: &str| wanted_json(line.split(' ').map(Into::into));
        assert!(wanted("latchwork fly --json"));
        assert!(!wanted("latchwork fly") && !wanted("latchwork lock s -- x --json"));
    }
}
