//! One turn of a session: the parts are built from the settings, and the runner takes it from there.
//!
//! Whatever can be known to be wrong before the message is accepted is said before it is accepted: no model, an unknown
//! provider, a recording that is not there, a sandbox that is required and missing. Deliberately absent: any step of the
//! turn itself.

use std::sync::Arc;

use crate::blobs::ResolvingEngine;
use latchwork_config::SecretError;
use latchwork_context::TranscriptEngine;
use latchwork_lock::LockScope;
use latchwork_models::{
    BadModelRef, BadOption, ModelRef, Models, ModelsError, ModelsOptions, Opened,
};
use latchwork_runner::{
    OnClaimed, Runtime, TurnAsk, TurnError, TurnReport, UserMessage, Watch, run_turn,
};
use latchwork_session::{Key, KeyError, Thinking};
use latchwork_sys::uuid_v4;
use latchwork_tools::{Toolbox, ToolboxError};
use tokio_util::sync::CancellationToken;

use crate::facade::Parts;
use crate::{Endpoint, Session, Settings};

/// What a turn is asked for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Ask {
    /// The message to accept and answer; `None` answers what waits.
    pub message: Option<UserMessage>,
    /// The model, as the setting `model` spells it; `None`: as set.
    pub model: Option<String>,
    /// How much the model may think.
    pub thinking: Thinking,
    /// What to do when another turn of the session is under way; `None` waits as long as the settings say.
    pub on_claimed: Option<OnClaimed>,
}

/// A turn that could not begin, or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No model is set. Nothing was accepted.
    #[error("no model is set, so nobody can answer")]
    NoModel,
    /// What is set names no model. Nothing was accepted.
    #[error(transparent)]
    BadModel(#[from] BadModelRef),
    /// A secret of the provider could not be had. Nothing was accepted.
    #[error("the settings models.{provider} name a secret that could not be had")]
    Secret {
        /// The provider.
        provider: String,
        /// Which, and why.
        #[source]
        source: SecretError,
    },
    /// A setting of a provider cannot work. Nothing was accepted.
    #[error("the setting {0}")]
    Provider(BadOption),
    /// The model cannot be asked. Nothing was accepted.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The tools cannot be offered. Nothing was accepted.
    #[error("the tools cannot be offered")]
    Tools(#[from] ToolboxError),
    /// A message cannot be made of the words. Nothing was accepted.
    #[error("the message cannot be written as JSON")]
    Message(#[source] serde_json::Error),
    /// The name of a message cannot be one. Nothing was accepted.
    #[error("the message cannot be named")]
    Key(#[from] KeyError),
    /// The parts could not be built on a thread of their own. Nothing was accepted.
    #[error("the parts of the turn could not be built")]
    Thread(#[from] tokio::task::JoinError),
    /// The turn failed. Its message, if it had one, was accepted unless the error says otherwise.
    #[error(transparent)]
    Turn(#[from] TurnError),
}

impl Ask {
    /// A turn that answers what waits.
    #[must_use]
    pub fn what_waits() -> Self {
        Self::default()
    }
}

impl Session {
    /// A turn that answers these words. `key` names the message, so that asking again does not say it twice; without one it
    /// gets a fresh name.
    ///
    /// # Errors
    /// [`RunError::Message`] or [`RunError::Key`], neither of which a plain text is known to cause.
    pub fn ask(&self, words: &str, key: Option<Key>) -> Result<Ask, RunError> {
        let key = match key {
            Some(key) => key,
            None => Key::new(uuid_v4(&*self.parts().system.entropy))?,
        };
        let message = UserMessage::text(key, words, self.now_ms()).map_err(RunError::Message)?;
        Ok(Ask {
            message: Some(message),
            ..Ask::default()
        })
    }

    /// Runs one turn to its end. `cancel` ends it early: what was said is kept. Events go to `watch`, the last of them with
    /// the report, also when the turn fails.
    ///
    /// # Errors
    /// See [`RunError`]; the session can be used at once.
    ///
    /// # Cancel safety
    /// Use `cancel`. A dropped future leaves the session valid and its message accepted, but what the model had said is lost.
    pub async fn run(
        &self,
        scope: &mut LockScope,
        ask: Ask,
        watch: Arc<dyn Watch>,
        cancel: CancellationToken,
    ) -> Result<TurnReport, RunError> {
        // One set of settings from here to the end of the turn, whatever changes meanwhile.
        let settings = self.parts().settings();
        let (runtime, model) = self.runtime_by(&settings, ask.model.as_deref()).await?;
        let ask = self.turn_ask_by(&settings, ask, model);
        Ok(run_turn(&runtime, scope, ask, watch, cancel).await?)
    }

    /// The parts that a turn of this session works with, and the model's name with its provider. Replace any of them and
    /// run the turn with [`run_turn`].
    ///
    /// # Errors
    /// See [`RunError`]; nothing was sent or written.
    pub async fn runtime(&self, model: Option<&str>) -> Result<(Runtime, String), RunError> {
        self.runtime_by(&self.parts().settings(), model).await
    }

    async fn runtime_by(
        &self,
        settings: &Arc<Settings>,
        model: Option<&str>,
    ) -> Result<(Runtime, String), RunError> {
        let parts = self.shared();
        let reference = model
            .or(settings.model.as_deref())
            .ok_or(RunError::NoModel)?;
        let reference: ModelRef = reference.parse()?;
        let (building, by) = (parts.clone(), settings.clone());
        // Recordings, certificates, secrets and sandboxes are looked for on disk, and some wait for other programs.
        let (opened, tools) = tokio::task::spawn_blocking(move || {
            let opened = building.open_model(&by, &reference)?;
            let tools = Toolbox::new(by.tools.clone())?;
            Ok::<_, RunError>((opened, tools))
        })
        .await??;
        let store = Arc::new(self.store().clone());
        let runtime = Runtime {
            locks: store.clone(),
            store: store.clone(),
            inbox: store,
            engine: Arc::new(ResolvingEngine::new(
                TranscriptEngine::new(settings.context.clone()),
                self.blobs(),
            )),
            model: opened.provider,
            tools: Arc::new(tools),
            system: parts.system.clone(),
            options: settings.turn.clone(),
        };
        Ok((runtime, opened.model))
    }

    /// What a turn of this session is asked, in the runner's words.
    pub fn turn_ask(&self, ask: Ask, model: String) -> TurnAsk {
        self.turn_ask_by(&self.parts().settings(), ask, model)
    }

    fn turn_ask_by(&self, settings: &Settings, ask: Ask, model: String) -> TurnAsk {
        let prompt =
            Some(settings.system_prompt.clone()).filter(|prompt| !prompt.trim().is_empty());
        TurnAsk {
            session_key: self.key().map(|key| key.as_str().to_owned()),
            cwd: settings.tools.root.display().to_string(),
            message: ask.message,
            system_prompt: prompt,
            thinking: ask.thinking,
            on_claimed: ask.on_claimed,
            ..TurnAsk::new(self.id().clone(), model)
        }
    }
}

impl Parts {
    fn open_model(&self, settings: &Settings, reference: &ModelRef) -> Result<Opened, RunError> {
        let mut providers = std::collections::BTreeMap::new();
        for (name, endpoint) in &settings.models {
            // Only the provider that is asked gets its secrets: nobody is bothered for the others.
            let asked = matches!(reference, ModelRef::Named { provider, .. } if provider == name);
            let without = Endpoint {
                key: None,
                proxy: None,
                headers: Default::default(),
                ..endpoint.clone()
            };
            let endpoint = if asked { endpoint } else { &without };
            let options = endpoint.options(name, &*self.secrets);
            let options = options.map_err(|source| RunError::Secret {
                provider: name.clone(),
                source,
            })?;
            providers.insert(name.clone(), options);
        }
        let models = Models::new(ModelsOptions { providers }, self.system.clone())
            .map_err(RunError::Provider)?;
        Ok(models.open(reference)?)
    }
}
