//! Which model is meant: `PROVIDER/MODEL`, `PROVIDER`, or `replay:FILE[@PACE]`.
//!
//! A model's name may hold slashes and colons (`openrouter/meta/llama:free`); a provider's may not. Of `replay:`, the
//! part after the last `@` is a pace if it reads as one, else it belongs to the file's name. Whether the provider exists
//! is not known here.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::replay::Pace;

const REPLAY_PREFIX: &str = "replay:";

/// Which model is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelRef {
    /// A model of a provider.
    Named {
        /// The provider.
        provider: String,
        /// The model; `None`: the provider's default.
        model: Option<String>,
    },
    /// A recording.
    Replay {
        /// The recorded session.
        file: PathBuf,
        /// How fast it is played.
        pace: Pace,
    },
}

/// It names no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no model ({why}); write PROVIDER/MODEL or replay:FILE[@PACE]")]
pub struct BadModelRef {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl FromStr for ModelRef {
    type Err = BadModelRef;

    fn from_str(text: &str) -> Result<Self, BadModelRef> {
        let bad = |why| BadModelRef {
            text: text.to_owned(),
            why,
        };
        if let Some(rest) = text.strip_prefix(REPLAY_PREFIX) {
            let paced = rest
                .rsplit_once('@')
                .and_then(|(file, pace)| Some((file, pace.parse().ok()?)));
            let (file, pace) = paced.unwrap_or((rest, Pace::default()));
            if file.is_empty() {
                return Err(bad("the file is missing"));
            }
            return Ok(Self::Replay {
                file: file.into(),
                pace,
            });
        }
        let (provider, model) = text
            .split_once('/')
            .map_or((text, None), |(provider, model)| (provider, Some(model)));
        if provider.trim().is_empty() {
            return Err(bad("the provider is missing"));
        }
        if provider.contains(':') {
            return Err(bad("a provider's name holds no colon"));
        }
        if model.is_some_and(|model| model.trim().is_empty()) {
            return Err(bad("the model is missing"));
        }
        Ok(Self::Named {
            provider: provider.into(),
            model: model.map(Into::into),
        })
    }
}

impl fmt::Display for ModelRef {
    /// As it can be read again; a pace is always written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named {
                provider,
                model: Some(model),
            } => write!(f, "{provider}/{model}"),
            Self::Named {
                provider,
                model: None,
            } => f.write_str(provider),
            Self::Replay { file, pace } => write!(f, "{REPLAY_PREFIX}{}@{pace}", file.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::any_pace;
    use proptest::prelude::*;

    fn named(provider: &str, model: Option<&str>) -> ModelRef {
        ModelRef::Named {
            provider: provider.into(),
            model: model.map(Into::into),
        }
    }

    #[test]
    fn the_first_slash_ends_the_provider() {
        for (text, expected) in [
            ("openai/gpt-5", named("openai", Some("gpt-5"))),
            (
                "openrouter/meta/llama:free",
                named("openrouter", Some("meta/llama:free")),
            ),
            ("openai", named("openai", None)),
        ] {
            assert_eq!(text.parse::<ModelRef>().unwrap(), expected);
        }
    }

    #[test]
    fn a_pace_is_split_from_the_file_only_if_it_is_one() {
        for (text, file, pace) in [
            ("replay:a/b.jsonl", "a/b.jsonl", "original"),
            ("replay:a@home.jsonl", "a@home.jsonl", "original"),
            ("replay:a@home.jsonl@20ms", "a@home.jsonl", "20ms"),
            ("replay:a@2s@instant", "a@2s", "instant"),
        ] {
            let expected = ModelRef::Replay {
                file: file.into(),
                pace: pace.parse().unwrap(),
            };
            assert_eq!(text.parse::<ModelRef>().unwrap(), expected);
        }
    }

    #[test]
    fn what_names_no_model_is_refused_with_the_two_ways_to_write_it() {
        for text in [
            "",
            "/",
            "/gpt",
            "openai/",
            "openai/ ",
            "https://host/v1",
            "rpelay:file",
            "replay:",
            "replay:@instant",
        ] {
            let error = text.parse::<ModelRef>().unwrap_err().to_string();
            assert!(
                error.contains("PROVIDER/MODEL") && error.contains("replay:FILE"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_reference_is_read_as_it_was_written(
            reference in prop_oneof![
                ("[a-z][a-z0-9-]{0,8}", prop::option::of("[a-z][a-z0-9/:@. -]{0,12}"))
                    .prop_map(|(provider, model)| ModelRef::Named { provider, model }),
                ("[a-z@/. ]{1,12}(@2s|@4x)?", any_pace())
                    .prop_map(|(file, pace)| ModelRef::Replay { file: file.into(), pace }),
            ]
        ) {
            prop_assert_eq!(reference.to_string().parse::<ModelRef>().unwrap(), reference);
        }

        #[test]
        fn any_text_is_read_or_refused_and_what_is_read_can_be_written(text in "(replay:)?\\PC{0,30}") {
            if let Ok(reference) = text.parse::<ModelRef>() {
                prop_assert_eq!(reference.to_string().parse::<ModelRef>().unwrap(), reference);
            }
        }
    }
}
