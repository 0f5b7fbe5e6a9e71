//! The promises of [`ToolHost`](crate::ToolHost).

use std::collections::BTreeSet;

use latchwork_lock::LockScope;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{ToolCall, ToolHost, ToolStatus};

/// All of them.
pub async fn keeps(host: &dyn ToolHost) {
    tools_have_names_and_schemas(host);
    what_goes_wrong_is_an_outcome(host).await;
}

/// Each tool is told apart and can be described to a model.
pub fn tools_have_names_and_schemas(host: &dyn ToolHost) {
    let specs = host.specs();
    let names: BTreeSet<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names.len(), specs.len(), "names are unique");
    for spec in &specs {
        assert!(
            !spec.description.trim().is_empty(),
            "{} is described",
            spec.name
        );
        assert_eq!(
            spec.parameters["type"], "object",
            "{} has a schema",
            spec.name
        );
    }
}

/// An unknown tool and arguments of the wrong shape do not fail the host.
pub async fn what_goes_wrong_is_an_outcome(host: &dyn ToolHost) {
    let mut scope = LockScope::open();
    let mut calls = vec![("no-such-tool".to_owned(), json!({}))];
    calls.extend(
        host.specs()
            .into_iter()
            .map(|spec| (spec.name, json!("no object"))),
    );
    for (name, arguments) in calls {
        let call = ToolCall {
            id: "c".into(),
            name: name.clone(),
            arguments,
        };
        let outcome = host
            .call(scope.unlocked(), call, CancellationToken::new())
            .await;
        assert_eq!(outcome.status, ToolStatus::Error, "{name}");
        assert!(!outcome.content.is_empty(), "{name}: the model is told");
    }
}
