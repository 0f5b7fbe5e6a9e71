//! Runs a program and tells how much memory it needed at most, and how long it took.
//!
//! ```text
//! peak TOLD PROGRAM [ARGUMENT...]
//! ```
//!
//! TOLD gets one JSON object: `peakKib`, `ms`. It ends as the program does. The memory is that of the program alone, for it has no other
//! child; what a child of its own needed counts where that was more.

use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "peak: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<u8, Box<dyn std::error::Error>> {
    let mut words = std::env::args_os().skip(1);
    let told = words.next().ok_or("where to tell it is not said")?;
    let program = words.next().ok_or("no program is said")?;
    let began = Instant::now();
    let status = Command::new(program).args(words).status()?;
    let ms = began.elapsed().as_secs_f64() * 1e3;
    let kib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    let said = serde_json::json!({ "peakKib": kib, "ms": ms });
    std::fs::write(told, format!("{said}\n"))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1))
}
