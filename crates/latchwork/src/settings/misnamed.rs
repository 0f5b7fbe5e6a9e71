//! Names in values that name nothing: a tool that there is not, a provider that is not set up.
//!
//! What was written is not repeated, as it may be a secret at the wrong place; only of what is nearly right the rest is. Deliberately
//! absent: whether the provider knows the model, which only it can say.

use latchwork_config::{Fault, Key, Resolved, nearest};
use latchwork_models::ModelRef;

use super::names::{Kind, name_of};
use super::{OPENAI, Settings};

const TOOLS: &str = "tools.tools";
const MODEL: &str = "model";

/// Each tool that there is not. Nothing can be begun with such settings.
pub(super) fn misnamed_tools(resolved: &Resolved<Settings>) -> Vec<Fault> {
    let key = Key::from(TOOLS);
    let Some(Kind::Words(known)) = name_of(&key).map(|name| name.kind) else {
        return Vec::new();
    };
    let Some(origin) = resolved.origin(TOOLS) else {
        return Vec::new();
    };
    let named = resolved.value.tools.tools.iter().enumerate();
    let wrong = named.filter(|(_, name)| !known.contains(&name.as_str()));
    wrong
        .map(|(place, name)| Fault::Invalid {
            origin: origin.clone(),
            key: key.clone(),
            why: format!(
                "number {} of the list is no tool{}; there are: {}",
                place + 1,
                meant(nearest(name, known.iter().copied())),
                known.join(", ")
            ),
        })
        .collect()
}

/// What is wrong with the name of the model, if anything is. Only who asks a model needs one, so such settings can be begun with.
#[must_use]
pub fn misnamed_model(resolved: &Resolved<Settings>) -> Option<Fault> {
    let settings = &resolved.value;
    let why = model_is_wrong(settings, settings.model.as_deref()?)?;
    Some(Fault::Invalid {
        origin: resolved.origin(MODEL)?.clone(),
        key: Key::from(MODEL),
        why,
    })
}

fn model_is_wrong(settings: &Settings, model: &str) -> Option<String> {
    let (provider, model) = match model.parse::<ModelRef>() {
        Ok(ModelRef::Named { provider, model }) => (provider, model),
        Ok(_) => return None,
        Err(error) => {
            return Some(format!(
                "it names no model ({}); write PROVIDER/MODEL or replay:FILE[@PACE]",
                error.why
            ));
        }
    };
    let mut known: Vec<&str> = settings.models.keys().map(String::as_str).collect();
    if !known.contains(&OPENAI) {
        known.push(OPENAI);
    }
    let default = settings
        .models
        .get(&provider)
        .and_then(|endpoint| endpoint.default_model.as_ref());
    match (known.contains(&provider.as_str()), &model, default) {
        (true, None, None) => Some(format!(
            "no model of the provider is named; write {provider}/MODEL, or set models.{provider}.default_model"
        )),
        (true, _, _) => None,
        (false, _, _) => {
            let near = nearest(&provider, known.iter().copied());
            let model = model.as_deref().unwrap_or("MODEL");
            let whole = near.map(|near| format!("{near}/{model}"));
            Some(format!(
                "there is no such provider{}; known are {}, and replay:FILE; models.NAME.base_url sets one up",
                meant(whole.as_deref()),
                known.join(", ")
            ))
        }
    }
}

fn meant(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| {
        format!("; did you mean `{}`?", name.escape_debug())
    })
}

#[cfg(test)]
mod tests {
    use latchwork_config::SourceFile;

    use super::*;
    use crate::Sources;

    fn sources(text: &str) -> Sources {
        Sources {
            user_file: Some(SourceFile::toml("u.toml", text)),
            ..Sources::default()
        }
    }

    #[test]
    fn a_tool_that_there_is_not_is_a_fault_with_its_line_and_what_is_meant() {
        let told = |text: &str| sources(text).resolve().map(drop).unwrap_err().to_string();
        assert_eq!(
            told("[tools]\ntools = ['read', 'bahs', 'sk-canary']"),
            "user file \"u.toml\" line 2: `tools.tools`: number 2 of the list is no tool; did you mean `bash`?; there are: read, ls, bash\n\
             user file \"u.toml\" line 2: `tools.tools`: number 3 of the list is no tool; there are: read, ls, bash"
        );
        assert!(sources("[tools]\ntools = []").resolve().is_ok());
    }

    #[test]
    fn a_model_that_nobody_answers_for_is_a_fault_with_its_line_and_what_is_meant() {
        let told = |text: &str| {
            let resolved = sources(text).resolve().unwrap();
            misnamed_model(&resolved).map(|fault| fault.to_string())
        };
        let begin = "user file \"u.toml\" line 1: `model`: ";
        assert_eq!(
            told("model = 'opanai/gpt-5'").unwrap(),
            format!(
                "{begin}there is no such provider; did you mean `openai/gpt-5`?; known are openai, and replay:FILE; \
                 models.NAME.base_url sets one up"
            )
        );
        for (text, words) in [
            ("model = 'opnai'", "did you mean `openai/MODEL`?"),
            (
                "model = 'sk-canary/x'",
                "there is no such provider; known are openai",
            ),
            ("model = 'openai'", "write openai/MODEL"),
            ("model = 'openai/'", "the model is missing"),
            ("model = 'replay:'", "the file is missing"),
        ] {
            let told = told(text).unwrap();
            assert!(told.contains(words) && !told.contains("canary"), "{told}");
        }
        for text in [
            "",
            "model = 'openai/x'",
            "model = 'replay:a.jsonl@instant'",
            "model = 'local/x'\nmodels.local.base_url = 'http://l/v1'",
            "model = 'openai'\nmodels.openai.default_model = 'x'",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }
}
