//! The index says what a look at every entry says, whatever became of the files and of the index in between.

use std::collections::BTreeSet;
use std::fs;

use latchwork_format::{Block, Content, Transcript};
use proptest::prelude::*;

use crate::bench::{Bench, entry, ids, said, whole};

const WORDS: [&str; 8] = ["ab", "abc", "b", "Café", "日本", "本語", "x-y", "b日"];
const STEMS: [&str; 3] = ["one", "two", "three"];

#[derive(Clone, Debug)]
enum Step {
    Append {
        stem: usize,
        texts: Vec<Text>,
        unended: bool,
    },
    EndLine {
        stem: usize,
    },
    Replace {
        stem: usize,
        texts: Vec<Text>,
    },
    WriteOver {
        stem: usize,
        texts: Vec<Text>,
    },
    Remove {
        stem: usize,
    },
    DropIndex,
    BreakIndex,
    Rebuild,
    Search(Ask),
}

#[derive(Clone, Debug)]
struct Text {
    said: Vec<usize>,
    thought: Vec<usize>,
}

/// All of the parts, each any of its terms, and none of the last.
#[derive(Clone, Debug)]
struct Ask {
    parts: Vec<Vec<Term>>,
    without: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    words: Vec<usize>,
    prefix: bool,
}

impl Term {
    fn typed(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| WORDS[*word]).collect();
        format!(
            "\"{}\"{}",
            words.join(" "),
            if self.prefix { "*" } else { "" }
        )
    }

    fn is_in(&self, texts: &[Vec<String>]) -> bool {
        let words: Vec<String> = self
            .words
            .iter()
            .flat_map(|word| tokens(WORDS[*word]))
            .collect();
        let (last, first) = words.split_last().unwrap();
        texts.iter().any(|text| {
            text.windows(words.len()).any(|window| {
                let end = window.last().unwrap();
                window[..first.len()] == *first
                    && (end == last || self.prefix && end.starts_with(last.as_str()))
            })
        })
    }
}

impl Ask {
    fn typed(&self) -> String {
        let or = |part: &Vec<Term>| {
            part.iter()
                .map(Term::typed)
                .collect::<Vec<_>>()
                .join(" OR ")
        };
        let wanted = self.parts.iter().map(or);
        let without = self.without.iter().map(|term| format!("-{}", term.typed()));
        wanted.chain(without).collect::<Vec<_>>().join(" ")
    }

    fn is_answered(&self, texts: &[Vec<String>]) -> bool {
        self.parts
            .iter()
            .all(|part| part.iter().any(|term| term.is_in(texts)))
            && !self.without.iter().any(|term| term.is_in(texts))
    }
}

/// Words by our own reckoning.
fn tokens(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut open = false;
    for c in text.to_lowercase().replace('é', "e").chars() {
        if !c.is_alphanumeric() {
            open = false;
        } else if open && c.is_ascii() {
            all.last_mut().unwrap().push(c);
        } else {
            all.push(c.into());
            open = c.is_ascii();
        }
    }
    all
}

/// Every entry of every session, looked at.
fn looked_at(bench: &Bench, ask: &Ask) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for stem in STEMS {
        let Ok(bytes) = fs::read(bench.path(stem)) else {
            continue;
        };
        for line in Transcript::parse(&bytes).lines() {
            let Some(message) = line.entry.message() else {
                continue;
            };
            let mut texts = vec![Vec::new(), Vec::new()];
            match message.content() {
                Content::Text(text) => texts[0] = tokens(&text),
                Content::Blocks(blocks) => blocks.iter().for_each(|block| match block {
                    Block::Text { text, .. } => texts[0].extend(tokens(text)),
                    Block::Thinking { text, .. } => texts[1].extend(tokens(text)),
                    _ => {}
                }),
                Content::None => {}
            }
            if ask.is_answered(&texts) {
                found.insert(format!("{stem}/{}", line.entry.id()));
            }
        }
    }
    found
}

fn lines(texts: &[Text], count: &mut usize) -> Vec<String> {
    let joined = |words: &[usize]| {
        words
            .iter()
            .map(|word| WORDS[*word])
            .collect::<Vec<_>>()
            .join(" ")
    };
    let line = |text: &Text| {
        *count += 1;
        let (id, body) = (format!("e{count}"), joined(&text.said));
        if text.thought.is_empty() {
            return said(&id, None, "user", &body);
        }
        entry(
            &id,
            None,
            &format!(
                r#""type":"message","message":{{"role":"assistant","content":[{{"type":"thinking","thinking":"{}"}},{{"type":"text","text":"{body}"}}]}}"#,
                joined(&text.thought)
            ),
        )
    };
    texts.iter().map(line).collect()
}

fn words(range: std::ops::Range<usize>) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..WORDS.len(), range)
}

fn text() -> impl Strategy<Value = Text> {
    (
        words(0..6),
        prop_oneof![3 => Just(Vec::new()), 1 => words(1..4)],
    )
        .prop_map(|(said, thought)| Text { said, thought })
}

fn term() -> impl Strategy<Value = Term> {
    (words(1..3), any::<bool>()).prop_map(|(words, prefix)| Term { words, prefix })
}

fn ask() -> impl Strategy<Value = Ask> {
    let part = proptest::collection::vec(term(), 1..3);
    (
        proptest::collection::vec(part, 1..3),
        proptest::collection::vec(term(), 0..2),
    )
        .prop_map(|(parts, without)| Ask { parts, without })
}

fn step() -> impl Strategy<Value = Step> {
    let stem = 0..STEMS.len();
    let texts = || proptest::collection::vec(text(), 0..5);
    prop_oneof![
        4 => (stem.clone(), texts(), any::<bool>()).prop_map(|(stem, texts, unended)| Step::Append { stem, texts, unended }),
        1 => stem.clone().prop_map(|stem| Step::EndLine { stem }),
        2 => (stem.clone(), texts()).prop_map(|(stem, texts)| Step::Replace { stem, texts }),
        2 => (stem.clone(), texts()).prop_map(|(stem, texts)| Step::WriteOver { stem, texts }),
        1 => stem.prop_map(|stem| Step::Remove { stem }),
        1 => Just(Step::DropIndex),
        1 => Just(Step::BreakIndex),
        1 => Just(Step::Rebuild),
        5 => ask().prop_map(Step::Search),
    ]
}

fn held(bench: &Bench, ask: &Ask) -> Result<(), TestCaseError> {
    let typed = ask.typed();
    let found: BTreeSet<String> = ids(&bench.find(&typed)).into_iter().collect();
    prop_assert_eq!(found, looked_at(bench, ask), "{}", typed);
    Ok(())
}

fn run(steps: Vec<Step>, last: &Ask) -> Result<(), TestCaseError> {
    let bench = Bench::new();
    let mut count = 0;
    for step in steps {
        match step {
            Step::Append {
                stem,
                texts,
                unended,
            } => {
                if !bench.path(STEMS[stem]).exists() {
                    bench.put(STEMS[stem], &[]);
                }
                let mut text: String = lines(&texts, &mut count)
                    .iter()
                    .flat_map(|line| [line, "\n"])
                    .collect();
                if unended {
                    text.pop();
                }
                bench.append(STEMS[stem], &text);
            }
            Step::EndLine { stem } if bench.path(STEMS[stem]).exists() => {
                bench.append(STEMS[stem], "\n");
            }
            Step::EndLine { .. } => {}
            Step::Replace { stem, texts } => bench.put(STEMS[stem], &lines(&texts, &mut count)),
            Step::WriteOver { stem, texts } => {
                // Each time of another length: what keeps inode, length and time is not told from what was there.
                count += 1;
                let filling = entry(
                    &format!("f{count}"),
                    None,
                    &format!(r#""type":"custom","customType":"{}""#, "f".repeat(count)),
                );
                let text = whole(&lines(&texts, &mut count)) + &filling + "\n";
                fs::write(bench.path(STEMS[stem]), text).unwrap();
            }
            Step::Remove { stem } => {
                let _it_may_not_be_there = fs::remove_file(bench.path(STEMS[stem]));
            }
            Step::DropIndex => {
                let _it_may_not_be_there = fs::remove_dir_all(bench.index().parent().unwrap());
            }
            Step::BreakIndex => {
                if bench.index().exists() {
                    fs::write(
                        bench.index(),
                        "no database at all, but longer than a header ".repeat(60),
                    )
                    .unwrap();
                }
            }
            Step::Rebuild => {
                let wanted = latchwork_search::Wanted::default();
                bench
                    .search("ab", &wanted, &|| false, &mut |_| {}, true)
                    .unwrap();
            }
            Step::Search(ask) => held(&bench, &ask)?,
        }
    }
    held(&bench, last)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_index_says_what_a_look_at_every_entry_says(
        steps in proptest::collection::vec(step(), 1..16),
        last in ask(),
    ) {
        run(steps, &last)?;
    }
}
