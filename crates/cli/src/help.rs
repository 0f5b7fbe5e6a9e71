//! What `--help` says beyond the flags: where settings come from, the variables, the exit codes.

use std::fmt::Write as _;

use latchwork::home::{PROJECT_FILE, SYSTEM_FILE};

use crate::exit;

/// The words below the list of commands.
pub(crate) fn after() -> String {
    let mut text = String::from("Settings, each layer over the one before:\n");
    for (layer, place) in [
        ("system", SYSTEM_FILE),
        (
            "user",
            "$XDG_CONFIG_HOME/latchwork/config.toml (~/.config/latchwork/config.toml)",
        ),
        ("project", PROJECT_FILE),
    ] {
        let _ = writeln!(text, "  {layer:<8} {place}");
    }
    text.push_str("  then the environment, then flags\n\nEnvironment:\n");
    let named = latchwork::names().filter_map(|name| Some((name.variable?, name.help)));
    for (variable, help) in named {
        let _ = writeln!(text, "  {variable:<29} {help}");
    }
    let _ = write!(text, "  {:<29} no colours\n\n{}", "NO_COLOR", exit::TABLE);
    text
}
