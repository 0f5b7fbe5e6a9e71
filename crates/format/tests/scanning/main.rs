//! The law of the readers of large files: what they say is what `Transcript::parse` says of the same bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod backwards;
mod lines;
#[path = "../mishaps/mod.rs"]
mod mishaps;
mod outline;
mod parts;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

/// All sessions of the corpora, with their names.
pub(crate) fn sessions() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for corpus in ["golden", "legacy"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
        for file in fs::read_dir(folder.join(corpus)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "jsonl") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    assert_eq!(found.len(), 52);
    found
}

/// `bytes` cut at these places.
pub(crate) fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts
        .zip(&ends)
        .map(|(start, &end)| &bytes[start..end])
        .collect()
}

/// A file in which nearly every parent stands before its child, under ids of every form.
pub(crate) fn straight() -> impl Strategy<Value = String> {
    let odd = prop_oneof![30 => Just(0_u8), 1 => 1_u8..6];
    let line = (0_u8..16, any::<Index>(), any::<Index>(), odd, 0..4_usize);
    (proptest::collection::vec(line, 0..60), 0..3_u8).prop_map(|(lines, form)| {
        let id = |number: usize| match form {
            0 => format!("{number:08x}"),
            1 => format!("01890a5d-ac96-774b-bcce-{number:012x}"),
            _ => format!("an id of a stranger's own making, number {number}"),
        };
        let mut file = "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n".to_owned();
        for (number, (shape, up, kept, odd, near)) in lines.into_iter().enumerate() {
            let earlier = |index: Index| index.index(number.max(1));
            // Mostly a chain, as sessions are.
            let up = if near > 0 { number.saturating_sub(1) } else { earlier(up) };
            let parent = match odd {
                1 => id(number + 2),
                2 => id(10_000 + up),
                _ if number == 0 => id(number),
                _ => id(up),
            };
            let own = if odd == 3 { id(up) } else { id(number) };
            let frame = format!("\"id\":\"{own}\",\"parentId\":\"{parent}\",\"timestamp\":\"T\"");
            let kept = id(earlier(kept));
            file.push_str(&match (odd, shape) {
                (4, _) => format!("{{\"type\":\"message\",{frame},\"mess"),
                (5, _) => "rubbish".to_owned(),
                (_, 0) => format!("{{\"type\":\"compaction\",{frame},\"summary\":\"s\",\"firstKeptEntryId\":\"{kept}\"}}"),
                (_, 1) => format!("{{\"type\":\"thinking_level_change\",{frame},\"thinkingLevel\":\"level {number}\"}}"),
                (_, 2) => format!("{{\"type\":\"model_change\",{frame},\"provider\":\"p\",\"modelId\":\"m{number}\"}}"),
                (_, 3) => format!("{{\"type\":\"context_edit\",{frame},\"targetId\":\"{kept}\",\"replacement\":null}}"),
                (_, 4) => format!("{{\"type\":\"compaction\",{frame},\"summary\":\"s\",\"firstKeptEntryId\":null}}"),
                (_, 5) => format!("{{\"type\":\"thinking_level_change\",{frame},\"thinkingLevel\":7}}"),
                (_, 6) => format!("{{\"type\":\"message\",{frame},\"message\":{{\"role\":\"assistant\",\"model\":\"m{number}\",\"content\":[]}}}}"),
                (_, 7) => format!("{{\"type\":\"message\",{frame},\"latchwork\":{{\"key\":\"k{near}\"}},\"message\":{{\"role\":\"user\",\"content\":\"x\"}}}}"),
                _ => format!("{{\"type\":\"message\",{frame},\"message\":{{\"role\":\"user\",\"content\":\"{number}\"}}}}"),
            });
            file.push('\n');
        }
        file
    })
}
