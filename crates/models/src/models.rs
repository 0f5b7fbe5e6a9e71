//! From a name to a provider: the registry of what is set up.
//!
//! `openai` is always there; every further provider has a name and an OpenAI-compatible address in the settings.
//! Deliberately absent: a list of the world's models. Whether a model exists, its provider says.

use std::collections::BTreeMap;
use std::sync::Arc;

use latchwork_session::ModelProvider;
use latchwork_sys::System;
use serde::{Deserialize, Serialize};

use crate::model_ref::ModelRef;
use crate::openai::{BadOption, OPENAI_BASE_URL, OpenAi, OpenAiError, OpenAiOptions};
use crate::replay::{REPLAY, Replay, ReplayError};

const OPENAI: &str = "openai";

/// The settings of all providers, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelsOptions {
    /// One endpoint each.
    pub providers: BTreeMap<String, OpenAiOptions>,
}

impl Default for ModelsOptions {
    fn default() -> Self {
        Self {
            providers: BTreeMap::from([(OPENAI.to_owned(), OpenAiOptions::default())]),
        }
    }
}

impl ModelsOptions {
    /// Checks the settings of every provider.
    ///
    /// # Errors
    /// [`BadOption`]: the first setting that cannot work.
    pub fn validate(&self) -> Result<(), BadOption> {
        for (name, options) in &self.providers {
            let options = named(name, options);
            options.validate()?;
            // A key of theirs would go to OpenAI.
            if name != OPENAI && options.base_url == OPENAI_BASE_URL {
                let why = "must be set: only openai has an address by itself".into();
                return Err(BadOption {
                    provider: name.clone(),
                    field: "base_url".into(),
                    why,
                });
            }
            if name == REPLAY {
                let why = "cannot be the name of an endpoint: replay:FILE plays recordings".into();
                return Err(BadOption {
                    provider: name.clone(),
                    field: "base_url".into(),
                    why,
                });
            }
        }
        Ok(())
    }
}

fn named(name: &str, options: &OpenAiOptions) -> OpenAiOptions {
    OpenAiOptions {
        provider: name.to_owned(),
        ..options.clone()
    }
}

/// The providers that are set up.
#[derive(Clone, Debug)]
pub struct Models {
    options: ModelsOptions,
    system: System,
}

/// A provider, and the model to ask it for.
#[derive(Clone)]
pub struct Opened {
    /// Who answers.
    pub provider: Arc<dyn ModelProvider>,
    /// The model, by the provider's own name.
    pub model: String,
}

/// Why a model cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// Nobody has that name.
    #[error("there is no provider {provider:?}; known are {}, and replay:FILE; models.{provider}.base_url sets one up", known.join(", "))]
    UnknownProvider {
        /// The name.
        provider: String,
        /// The model that was named with it.
        model: Option<String>,
        /// The names that are known.
        known: Vec<String>,
    },
    /// A provider was named, but no model, and it has no default.
    #[error(
        "no model of {provider} is named; write {provider}/MODEL, or set models.{provider}.default_model"
    )]
    NoModel {
        /// The provider.
        provider: String,
    },
    /// The provider cannot be set up.
    #[error(transparent)]
    Provider(#[from] OpenAiError),
    /// The recording cannot be played.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

impl Models {
    /// A registry of these settings. Nothing is opened yet.
    ///
    /// # Errors
    /// [`BadOption`]: the first setting that cannot work.
    pub fn new(mut options: ModelsOptions, system: System) -> Result<Self, BadOption> {
        options.providers.entry(OPENAI.to_owned()).or_default();
        options.validate()?;
        Ok(Self { options, system })
    }

    /// The names of the providers that are set up.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        self.options.providers.keys().map(String::as_str)
    }

    /// Sets up the provider of a model. Nothing is sent. Each call makes a provider of its own, a recording begins anew.
    ///
    /// # Errors
    /// [`ModelsError`].
    ///
    /// # Blocking
    /// While a recording, or the system's root certificates, are read.
    pub fn open(&self, reference: &ModelRef) -> Result<Opened, ModelsError> {
        match reference {
            ModelRef::Named { provider, model } => self.endpoint(provider, model.as_deref()),
            ModelRef::Replay { file, pace } => {
                let replay = Replay::open(&self.system, file, *pace)?;
                Ok(Opened {
                    provider: Arc::new(replay),
                    model: file.display().to_string(),
                })
            }
        }
    }

    fn endpoint(&self, provider: &str, model: Option<&str>) -> Result<Opened, ModelsError> {
        let Some(options) = self.options.providers.get(provider) else {
            let known = self.known().map(str::to_owned).collect();
            return Err(ModelsError::UnknownProvider {
                provider: provider.to_owned(),
                model: model.map(str::to_owned),
                known,
            });
        };
        let model = model.or(options.default_model.as_deref());
        let model = model
            .ok_or_else(|| ModelsError::NoModel {
                provider: provider.to_owned(),
            })?
            .to_owned();
        let provider = OpenAi::new(named(provider, options))?;
        Ok(Opened {
            provider: Arc::new(provider),
            model,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(settings: &str) -> Result<Models, BadOption> {
        Models::new(serde_json::from_str(settings).unwrap(), System::real())
    }

    fn open(models: &Models, reference: &str) -> Result<Opened, ModelsError> {
        models.open(&reference.parse().unwrap())
    }

    #[test]
    fn a_name_leads_to_its_endpoint_and_its_model() {
        let models =
            models(r#"{"local":{"base_url":"http://127.0.0.1:1/v1","default_model":"small"}}"#)
                .unwrap();
        let opened = open(&models, "local/big/one").unwrap();
        assert_eq!(
            (
                opened.provider.info().provider.as_str(),
                opened.model.as_str()
            ),
            ("local", "big/one")
        );
        assert_eq!(open(&models, "local").unwrap().model, "small");
        assert_eq!(models.known().collect::<Vec<_>>(), ["local", "openai"]);
    }

    #[test]
    fn an_unknown_provider_is_answered_with_the_known_ones() {
        let models = models(r#"{"local":{"base_url":"http://127.0.0.1:1/v1"}}"#).unwrap();
        let error = open(&models, "lokal/x").err().unwrap().to_string();
        assert!(
            error.contains("local, openai") && error.contains("replay:FILE"),
            "{error}"
        );
        assert!(matches!(
            open(&models, "local").err().unwrap(),
            ModelsError::NoModel { .. }
        ));
    }

    #[test]
    fn a_further_provider_needs_an_address_lest_its_key_goes_to_openai() {
        let error = models(r#"{"groq":{"key":"hush"}}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "models.groq.base_url must be set: only openai has an address by itself"
        );
        assert!(models(r#"{"a/b":{"base_url":"http://h"}}"#).is_err());
        assert!(models(r#"{"replay":{"base_url":"http://h"}}"#).is_err());
    }

    #[test]
    fn a_recording_that_is_missing_is_named() {
        let error = open(&models("{}").unwrap(), "replay:/no/such/file.jsonl@instant")
            .err()
            .unwrap();
        assert!(matches!(&error, ModelsError::Replay(ReplayError::Read(_))));
        assert!(error.to_string().contains("/no/such/file.jsonl"), "{error}");
    }
}
