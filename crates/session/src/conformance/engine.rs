//! The promises of [`ContextEngine`](crate::ContextEngine).

use std::collections::BTreeSet;

use latchwork_format::Context;
use latchwork_lock::LockScope;

use super::fresh;
use crate::{AssembleInput, ContextEngine, EngineParts, EngineScope, SessionRef};

/// All of them. `parts` must be over an empty place.
pub async fn keeps(engine: &dyn ContextEngine, parts: &EngineParts) {
    an_engine_says_who_it_is(engine);
    nothing_is_assembled_of_nothing(engine, parts).await;
}

/// An engine is chosen by its id.
pub fn an_engine_says_who_it_is(engine: &dyn ContextEngine) {
    let info = engine.info();
    assert!(!info.id.trim().is_empty() && !info.name.trim().is_empty());
}

/// An empty session has an empty context.
pub async fn nothing_is_assembled_of_nothing(engine: &dyn ContextEngine, parts: &EngineParts) {
    let session = fresh("engine");
    let mut scope = LockScope::open();
    let mut lent = EngineScope::new(&mut scope, None, &session, parts);
    let input = AssembleInput {
        session: SessionRef {
            id: session.clone(),
            key: None,
        },
        context: Context::default(),
        token_budget: Some(1000),
        tools: BTreeSet::new(),
        model: "m".into(),
    };
    let assembled = engine
        .assemble(&mut lent, input)
        .await
        .expect("an engine assembles");
    assert!(
        assembled.context.messages.is_empty(),
        "no words are invented"
    );
}
