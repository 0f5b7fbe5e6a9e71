//! Admit: the user's message becomes durable in the inbox, before anything else and with nothing held.

use latchwork_session::{Accepted, Incoming};

use crate::turn::{Begun, Over, Turn};
use crate::{Failed, TurnError, TurnPhase, What};

/// The message, if there is one, is durable.
#[derive(Debug)]
pub struct Admitted(());

impl From<Admitted> for Over {
    fn from(_admitted: Admitted) -> Self {
        Self { claim: None }
    }
}

impl Turn<Begun> {
    /// Accepts the message. From here on it is answered, or cancelled with a reason; it is never lost.
    ///
    /// # Errors
    /// [`TurnError::Inbox`]; the message was not accepted.
    ///
    /// # Cancel safety
    /// The message may or may not be accepted; sending it again with its key is safe.
    pub async fn admit(self) -> Result<Turn<Admitted>, Failed<Begun>> {
        let phase = self.core.log.phase(TurnPhase::Admit);
        match self.accept().await {
            Ok(Some(Accepted { key, already, .. })) => {
                self.core.log.tell(What::Accepted {
                    key: key.to_string(),
                    already,
                });
            }
            Ok(None) => {}
            Err(error) => return Err(Failed::new(error, self)),
        }
        drop(phase);
        self.core.step("turn:admitted").await;
        Ok(Turn {
            core: self.core,
            phase: Admitted(()),
        })
    }

    async fn accept(&self) -> Result<Option<Accepted>, TurnError> {
        let ask = &self.core.ask;
        let Some(message) = &ask.message else {
            return Ok(None);
        };
        let incoming = Incoming {
            key: message.key.clone(),
            message: message.message.clone(),
            at_ms: self.core.wall_ms(),
            session_key: ask.session_key.clone(),
        };
        let accepted = self.core.runtime.inbox.accept(&ask.session, incoming).await;
        accepted.map(Some).map_err(TurnError::Inbox)
    }
}
