//! Requests that get no answer: no key, no connection, a status of failure.

use std::time::Duration;

use latchwork_models::{OpenAi, OpenAiError, OpenAiOptions, Secret};
use latchwork_session::ModelError;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::asking::{ask, refused_with};
use crate::server::Server;

#[tokio::test]
async fn without_a_key_nothing_is_sent_to_openai() {
    for key in [None, Some(Secret::new("  "))] {
        let provider = match OpenAi::new(OpenAiOptions {
            key,
            ..OpenAiOptions::default()
        }) {
            Ok(provider) => provider,
            // A machine without root certificates.
            Err(error) => return assert!(matches!(error, OpenAiError::Client { .. }), "{error}"),
        };
        let error = ask(&provider).await.1.unwrap_err();
        assert!(matches!(&error, ModelError::Key { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("OPENAI_API_KEY") && text.contains("models.openai.key"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_refused_connection_names_the_address_and_nothing_secret() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let provider = OpenAi::new(OpenAiOptions::at(
        "local",
        format!("http://{address}/v1/hush?key=hush"),
    ))
    .unwrap();
    let error = ask(&provider).await.1.unwrap_err();
    let ModelError::Unreachable {
        address: named,
        why,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(*named, format!("http://{address}"));
    assert!(why.contains("refused"), "{why}");
    assert!(!format!("{error} {error:?} {provider:?}").contains("hush"));
}

#[tokio::test]
async fn a_server_without_tls_is_unreachable_over_https() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket
                .write_all(b"HTTP/1.1 400 Speak plainly\r\n\r\n")
                .await;
        }
    });
    match OpenAi::new(OpenAiOptions::at(
        "local",
        format!("https://127.0.0.1:{port}/v1"),
    )) {
        Ok(provider) => {
            let error = ask(&provider).await.1.unwrap_err();
            assert!(matches!(&error, ModelError::Unreachable { .. }), "{error}");
        }
        // A machine without root certificates.
        Err(error) => assert!(error.to_string().contains("certificates"), "{error}"),
    }
}

#[tokio::test]
async fn each_status_becomes_its_own_error() {
    let said = |message: &str| json!({"error": {"message": message}}).to_string();
    let error = refused_with("401 Unauthorized", "", &said("who are you?")).await;
    assert!(
        matches!(&error, ModelError::Key { why, .. } if why.contains("models.local.key") && why.contains("who are you?")),
        "{error}"
    );
    let error = refused_with(
        "429 Too Many Requests",
        "retry-after: 12\r\n",
        &said("slow down"),
    )
    .await;
    assert!(
        matches!(&error, ModelError::Limited { retry_after: Some(after), .. } if after.as_secs() == 12),
        "{error}"
    );
    let error = refused_with("400 Bad Request", "", &said("maximum context length is 5")).await;
    assert!(
        matches!(&error, ModelError::TooLong { model, .. } if model == "m"),
        "{error}"
    );
    let error = refused_with("404 Not Found", "", &said("no such model")).await;
    assert!(
        matches!(&error, ModelError::Status { status: 404, message, .. } if message == "no such model"),
        "{error}"
    );
    let error = refused_with("500 Oops", "", "\u{1b}[31mboom\u{7}").await;
    assert!(
        matches!(&error, ModelError::Status { status: 500, message, .. } if message == "[31mboom"),
        "{error}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let elsewhere = Server::saying("").await;
    let location = format!("location: http://127.0.0.1:{}/\r\n", elsewhere.port);
    let error = refused_with("307 Temporary Redirect", &location, "").await;
    assert!(
        matches!(&error, ModelError::Status { status: 307, .. }),
        "{error}"
    );
    assert!(elsewhere.saw_nothing().await);
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_is_given_up_after_its_time() {
    // An address reserved for documentation: nobody answers, or the network says at once that there is no way.
    let options = OpenAiOptions {
        connect_timeout_ms: 200,
        ..OpenAiOptions::at("local", "http://192.0.2.1:9/v1")
    };
    let end = tokio::time::timeout(Duration::from_secs(60), ask(&OpenAi::new(options).unwrap()))
        .await
        .unwrap()
        .1;
    assert!(
        matches!(&end, Err(ModelError::Unreachable { address, .. }) if address == "http://192.0.2.1:9"),
        "{end:?}"
    );
}
