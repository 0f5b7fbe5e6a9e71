//! The host of the built-in tools: finds the tool, checks the arguments, and puts an end to what takes too long.
//!
//! Invariant: whatever happens in a call is an outcome. A panic in a tool is one too.

use std::sync::Arc;
use std::time::Duration;

use latchwork_lock::Unlocked;
use latchwork_session::{ToolCall, ToolHost, ToolOutcome, ToolSpec};
use tokio_util::sync::CancellationToken;

use crate::arguments;
use crate::bash::Bash;
use crate::beneath::Root;
use crate::error::ToolboxError;
use crate::files;
use crate::options::Options;
use crate::outcome;
use crate::tool::Tool;

/// The built-in tools over one working directory. Cheap to share; every call stands alone.
#[derive(Debug)]
pub struct Toolbox {
    options: Arc<Options>,
    root: Arc<Root>,
    tools: Vec<Tool>,
    bash: Option<Bash>,
}

impl Toolbox {
    /// Opens the working directory, and finds out what this system offers to confine commands (if `bash` is asked for).
    ///
    /// # Errors
    /// [`ToolboxError`]; nothing is left behind.
    ///
    /// # Blocking
    /// Opens a directory, and may run a trivial sandboxed command to see that the sandbox works.
    pub fn new(options: Options) -> Result<Self, ToolboxError> {
        options.validate()?;
        let tools = options.chosen_tools()?;
        let root = Root::open(&options.root).map_err(|source| ToolboxError::Root {
            path: options.root.clone(),
            source,
        })?;
        let bash = if tools.contains(&Tool::Bash) {
            Some(Bash::new(&options, root.path())?)
        } else {
            None
        };
        Ok(Self {
            options: Arc::new(options),
            root: Arc::new(root),
            tools,
            bash,
        })
    }

    /// What confines the commands of `bash`, as outcomes name it: `"bubblewrap"`, `"landlock v7"` or `"none"`. `None` if
    /// there is no `bash`.
    #[must_use]
    pub fn sandbox(&self) -> Option<String> {
        self.bash.as_ref().map(Bash::sandbox_name)
    }

    async fn look<T, F>(
        &self,
        tool: Tool,
        call: ToolCall,
        cancel: &CancellationToken,
        work: F,
    ) -> ToolOutcome
    where
        T: serde::de::DeserializeOwned + Send + 'static,
        F: FnOnce(&Root, &Options, &T) -> ToolOutcome + Send + 'static,
    {
        let asked: T = match arguments::parse(call.arguments) {
            Ok(asked) => asked,
            Err(why) => return outcome::bad_arguments(tool, &why),
        };
        let (root, options) = (Arc::clone(&self.root), Arc::clone(&self.options));
        let working = tokio::task::spawn_blocking(move || work(&root, &options, &asked));
        // A filesystem that hangs keeps its thread; the turn goes on without it.
        tokio::select! {
            done = working => done.unwrap_or_else(|_| outcome::error("The tool failed inside; nothing was changed.")),
            () = cancel.cancelled() => outcome::looking_interrupted(),
            () = tokio::time::sleep(Duration::from_millis(self.options.time_limit_ms)) => {
                outcome::looking_took_too_long(self.options.time_limit_ms)
            }
        }
    }
}

/// # Panics
/// `call` needs a Tokio runtime with time and I/O enabled (`enable_all`).
#[async_trait::async_trait]
impl ToolHost for Toolbox {
    fn specs(&self) -> Vec<ToolSpec> {
        let confinement = self
            .bash
            .as_ref()
            .map_or_else(String::new, Bash::confinement);
        self.tools
            .iter()
            .map(|tool| tool.spec(&self.options, &confinement))
            .collect()
    }

    /// # Cancel safety
    /// Dropping the future kills the command and its whole process group. Reading on the filesystem runs to its end,
    /// unseen.
    async fn call<'a>(
        &'a self,
        _nothing_is_held: Unlocked<'a>,
        call: ToolCall,
        cancel: CancellationToken,
    ) -> ToolOutcome {
        let tool = Tool::named(&call.name).filter(|tool| self.tools.contains(tool));
        let Some(tool) = tool else {
            return outcome::unknown_tool(&call.name, &self.tools);
        };
        if cancel.is_cancelled() {
            return outcome::not_begun();
        }
        match (tool, &self.bash) {
            (Tool::Read, _) => self.look(tool, call, &cancel, files::read).await,
            (Tool::Ls, _) => self.look(tool, call, &cancel, files::ls).await,
            (Tool::Bash, Some(bash)) => bash.run(&self.options, call.arguments, &cancel).await,
            (Tool::Bash, None) => outcome::unknown_tool(&call.name, &self.tools),
        }
    }
}
