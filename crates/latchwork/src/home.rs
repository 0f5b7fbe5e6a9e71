//! Where things lie for a user: pure functions of an environment snapshot.
//!
//! Deliberately absent: making or opening anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The variable that names the home directly.
pub const HOME_VARIABLE: &str = "LATCHWORK_HOME";
/// The file of the machine's administrator.
pub const SYSTEM_FILE: &str = "/etc/latchwork/config.toml";
/// The file of the directory that is worked in.
pub const PROJECT_FILE: &str = ".latchwork.toml";

/// Where sessions lie: `$LATCHWORK_HOME`, else `$XDG_DATA_HOME/latchwork`, else `~/.local/share/latchwork`; `None` when
/// the environment names none of them. As the XDG specification has it, a relative `XDG_DATA_HOME` counts for nothing.
#[must_use]
pub fn default_home(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    set(environment, HOME_VARIABLE)
        .map(PathBuf::from)
        .or_else(|| under(environment, "XDG_DATA_HOME", ".local/share"))
}

/// The user's settings: `$XDG_CONFIG_HOME/latchwork/config.toml`, else `~/.config/latchwork/config.toml`.
#[must_use]
pub fn user_file(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    under(environment, "XDG_CONFIG_HOME", ".config").map(|dir| dir.join("config.toml"))
}

/// The names that a settings file may have instead, by its format; the given one (TOML) is the first.
#[must_use]
pub fn spellings(file: &Path) -> [PathBuf; 5] {
    ["toml", "json5", "json", "yaml", "yml"].map(|ending| file.with_extension(ending))
}

/// The folder of sessions in a home.
#[must_use]
pub fn sessions_in(home: &Path) -> PathBuf {
    home.join("sessions")
}

fn under(
    environment: &BTreeMap<String, String>,
    variable: &str,
    otherwise: &str,
) -> Option<PathBuf> {
    let named = set(environment, variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base =
        named.or_else(|| set(environment, "HOME").map(|home| Path::new(home).join(otherwise)))?;
    Some(base.join("latchwork"))
}

/// An empty variable counts as not set.
fn set<'e>(environment: &'e BTreeMap<String, String>, name: &str) -> Option<&'e str> {
    environment
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{PROJECT_FILE, default_home, spellings, user_file};
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::path::PathBuf;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_settings_file_has_a_name_for_each_format_and_toml_comes_first() {
        let names = spellings(Path::new(PROJECT_FILE));
        assert_eq!(names[0], PathBuf::from(PROJECT_FILE));
        assert_eq!(names[3], PathBuf::from(".latchwork.yaml"));
    }

    #[test]
    fn the_nearest_name_wins_and_an_empty_or_relative_one_does_not_count() {
        let home = |pairs: &[(&str, &str)]| default_home(&environment(pairs));
        let user = ("HOME", "/home/u");
        assert_eq!(
            home(&[("LATCHWORK_HOME", "/l"), ("XDG_DATA_HOME", "/d"), user]),
            Some("/l".into())
        );
        assert_eq!(
            home(&[("LATCHWORK_HOME", ""), ("XDG_DATA_HOME", "/d"), user]),
            Some("/d/latchwork".into())
        );
        let fallback = PathBuf::from("/home/u/.local/share/latchwork");
        assert_eq!(home(&[("XDG_DATA_HOME", "d"), user]), Some(fallback));
        assert_eq!(home(&[]), None);
        assert_eq!(
            user_file(&environment(&[user])),
            Some("/home/u/.config/latchwork/config.toml".into())
        );
    }
}
