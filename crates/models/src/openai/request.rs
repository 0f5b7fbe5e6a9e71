//! From a request to the JSON that goes over the wire.
//!
//! What the wire cannot say is left out: signatures, and thinking of other models. Thinking that this model said in a
//! field of its own goes back in that field, which some servers insist on. A tool message holds text only, so images
//! in results follow the results as a user's message. Ids that servers refuse for their length or letters are replaced
//! within the request, in the call and in its result alike.
//!
//! Deliberately absent: any decision about what the model is shown; the conversation is valid when it comes here.

use latchwork_format::request::{
    AssistantTurn, Block, Call, Conversation, Exchange, Item, Part, Thinking,
};
use latchwork_session::{ModelRequest, Thinking as Effort, ToolSpec};
use serde_json::{Map, Value, json};

use super::chunk::THINKING_FIELDS;
use super::options::TokenLimitField;
use crate::ids::{FreshIds, ids_in};

/// The longest id that OpenAI takes.
const ID_CHARS: usize = 40;

/// The body of a request.
pub(crate) fn body(request: &ModelRequest, limit: TokenLimitField, is_openai: bool) -> Value {
    let mut body = json!({
        "model": request.model,
        "messages": messages(&request.conversation),
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let mut set = |name: &str, value: Value| {
        body.as_object_mut()
            .and_then(|fields| fields.insert(name.into(), value))
    };
    if !request.tools.is_empty() {
        set("tools", request.tools.iter().map(tool).collect());
    }
    if let Some(most) = request.max_output_tokens {
        set(limit_field(limit, is_openai), most.into());
    }
    if let Some(effort) = effort(request.thinking) {
        set("reasoning_effort", effort.into());
    }
    body
}

fn limit_field(limit: TokenLimitField, is_openai: bool) -> &'static str {
    match limit {
        TokenLimitField::Auto if !is_openai => "max_tokens",
        TokenLimitField::MaxTokens => "max_tokens",
        TokenLimitField::Auto | TokenLimitField::MaxCompletionTokens => "max_completion_tokens",
    }
}

fn effort(thinking: Effort) -> Option<&'static str> {
    match thinking {
        Effort::Off => None,
        Effort::Minimal => Some("minimal"),
        Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High => Some("high"),
    }
}

fn tool(spec: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "function": { "name": spec.name, "description": spec.description, "parameters": spec.parameters },
    })
}

fn messages(conversation: &Conversation) -> Value {
    let mut ids = FreshIds::beside(ids_in(conversation).filter(|id| is_welcome(id)));
    let mut messages = Vec::new();
    messages.extend(
        conversation
            .system
            .as_ref()
            .map(|text| json!({ "role": "system", "content": text })),
    );
    for exchange in &conversation.exchanges {
        match exchange {
            Exchange::User(turn) => {
                messages.push(json!({ "role": "user", "content": content(turn.parts.as_slice()) }));
            }
            Exchange::Assistant(turn) => assistant(turn, &mut ids, &mut messages),
        }
    }
    messages.into()
}

fn is_welcome(id: &str) -> bool {
    id.len() <= ID_CHARS
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte))
}

/// Words alone as a string, which every server takes; with images, as parts.
fn content(parts: &[Part]) -> Value {
    let words: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            Part::Text(words) => Some(words.as_str()),
            Part::Image { .. } => None,
        })
        .collect();
    match words {
        Some(words) => words.join("\n").into(),
        None => parts.iter().map(part).collect(),
    }
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(words) => json!({ "type": "text", "text": words.as_str() }),
        Part::Image { mime_type, data } => {
            json!({ "type": "image_url", "image_url": { "url": format!("data:{mime_type};base64,{data}") } })
        }
    }
}

/// One message of the assistant, the results of its calls right after it, then the images among those results.
fn assistant(turn: &AssistantTurn, ids: &mut FreshIds, messages: &mut Vec<Value>) {
    let mut message = Map::from_iter([("role".to_owned(), Value::from("assistant"))]);
    let mut text = Vec::new();
    let mut thoughts: Vec<(&str, &str)> = Vec::new();
    let mut calls = Vec::new();
    let (mut results, mut images) = (Vec::new(), Vec::new());
    for item in turn.items() {
        match item {
            Item::Block(Block::Text { text: words, .. }) => text.push(words.as_str()),
            Item::Block(Block::Thinking(Thinking::Sealed {
                text, signature, ..
            })) => {
                thoughts.push((signature.as_str(), text));
            }
            Item::Block(Block::Thinking(Thinking::Plain(_))) => {}
            Item::Call(call) => {
                let id = if is_welcome(call.id.as_str()) {
                    call.id.as_str().to_owned()
                } else {
                    ids.take(None)
                };
                calls.push(json!({
                    "id": id,
                    "type": "function",
                    "function": { "name": call.name.as_str(), "arguments": call.arguments.as_str() },
                }));
                results.push(result(call, &id, &mut images));
            }
        }
    }
    message.insert(
        "content".into(),
        if text.is_empty() {
            Value::Null
        } else {
            text.join("\n").into()
        },
    );
    for field in THINKING_FIELDS {
        let said: Vec<&str> = thoughts
            .iter()
            .filter(|(seal, _)| *seal == field)
            .map(|(_, text)| *text)
            .collect();
        if !said.is_empty() {
            message.insert(field.into(), said.join("\n").into());
        }
    }
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    messages.push(message.into());
    messages.extend(results);
    if !images.is_empty() {
        messages.push(json!({ "role": "user", "content": images }));
    }
}

fn result(call: &Call, id: &str, images: &mut Vec<Value>) -> Value {
    let mut words = Vec::new();
    let mut pictures = Vec::new();
    for part in &call.result.content {
        match part {
            Part::Text(text) => words.push(text.as_str()),
            Part::Image { .. } => pictures.push(self::part(part)),
        }
    }
    if !pictures.is_empty() {
        words.push("(its images follow in the next message of the user)");
        images.push(json!({ "type": "text", "text": format!("Images from the result of {} ({id}):", call.name) }));
        images.extend(pictures);
    }
    json!({ "role": "tool", "tool_call_id": id, "content": words.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchwork_format::Transcript;
    use latchwork_format::request::{Target, project};
    use latchwork_session::Replay;

    /// The conversation of a session with these messages.
    fn conversation(messages: &[Value]) -> Conversation {
        let mut text = String::from(
            "{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"\",\"cwd\":\"/\"}\n",
        );
        for (n, message) in messages.iter().enumerate() {
            let parent = n.checked_sub(1).map(|n| n.to_string());
            let entry = json!({"type": "message", "id": n.to_string(), "parentId": parent, "timestamp": "", "message": message});
            text.push_str(&format!("{entry}\n"));
        }
        let transcript = Transcript::parse(text.as_bytes());
        let context = latchwork_format::context(&transcript, None);
        project(&context, &Target::new("p", "m", "openai-completions")).0
    }

    fn sent(messages: &[Value]) -> Value {
        super::messages(&conversation(messages))
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "written at the call, it reads better without &"
    )]
    fn assistant(content: Value) -> Value {
        json!({"role": "assistant", "content": content, "provider": "p", "model": "m", "api": "openai-completions", "stopReason": "toolUse"})
    }

    fn request() -> ModelRequest {
        ModelRequest {
            model: "m".into(),
            conversation: conversation(&[json!({"role": "user", "content": "hi"})]),
            tools: Vec::new(),
            max_output_tokens: None,
            thinking: Effort::Off,
        }
    }

    #[test]
    fn a_plain_request_holds_nothing_that_was_not_asked_for() {
        assert_eq!(
            body(&request(), TokenLimitField::Auto, true),
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true, "stream_options": {"include_usage": true}})
        );
    }

    #[test]
    fn limits_thinking_and_tools_go_where_the_server_looks_for_them() {
        let mut request = request();
        request.max_output_tokens = Some(9);
        request.thinking = Effort::Low;
        request.tools.push(ToolSpec {
            name: "ls".into(),
            description: "lists".into(),
            parameters: json!({"type": "object"}),
            replay: Replay::Safe,
        });
        let sent = body(&request, TokenLimitField::Auto, true);
        assert_eq!(
            (&sent["max_completion_tokens"], &sent["reasoning_effort"]),
            (&json!(9), &json!("low"))
        );
        assert_eq!(
            sent["tools"][0]["function"]["parameters"],
            json!({"type": "object"})
        );
        assert_eq!(
            body(&request, TokenLimitField::Auto, false)["max_tokens"],
            9
        );
        assert_eq!(
            body(&request, TokenLimitField::MaxCompletionTokens, false)["max_completion_tokens"],
            9
        );
        assert_eq!(
            body(&request, TokenLimitField::MaxTokens, true)["max_tokens"],
            9
        );
    }

    #[test]
    fn images_of_a_user_are_data_urls_beside_the_words() {
        let sent = sent(&[json!({"role": "user", "content": [
            {"type": "text", "text": "look"}, {"type": "image", "data": "QUJD", "mimeType": "image/png"}]})]);
        assert_eq!(
            sent[0]["content"],
            json!([{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}])
        );
    }

    #[test]
    fn results_follow_their_calls_and_their_images_follow_the_results() {
        let call = |id: &str| json!({"type": "toolCall", "id": id, "name": "read", "arguments": {"p": id}});
        let result = |id: &str, content: Value| json!({"role": "toolResult", "toolCallId": id, "toolName": "read", "content": content, "isError": false});
        let sent = sent(&[
            json!({"role": "user", "content": "go"}),
            assistant(json!([{"type": "text", "text": "ok"}, call("a"), call("b")])),
            result(
                "a",
                json!([{"type": "image", "data": "QUJD", "mimeType": "image/png"}]),
            ),
            result("b", json!([{"type": "text", "text": "words"}])),
        ]);
        let roles: Vec<&str> = sent
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["role"].as_str().unwrap())
            .collect();
        assert_eq!(roles, ["user", "assistant", "tool", "tool", "user"]);
        assert_eq!(
            sent[1]["tool_calls"][0]["function"],
            json!({"name": "read", "arguments": "{\"p\":\"a\"}"})
        );
        assert_eq!(
            (&sent[2]["tool_call_id"], &sent[3]["content"]),
            (&json!("a"), &json!("words"))
        );
        assert_eq!(
            sent[4]["content"][1]["image_url"]["url"],
            "data:image/png;base64,QUJD"
        );
    }

    #[test]
    fn thinking_goes_back_in_the_field_that_it_came_in_and_in_no_other() {
        let thinking =
            |seal: &str| json!({"type": "thinking", "thinking": "hm", "thinkingSignature": seal});
        let sent = sent(&[
            assistant(json!([thinking("reasoning_content"), {"type": "text", "text": "a"}])),
            assistant(json!([thinking("content"), thinking(""), {"type": "text", "text": "b"}])),
        ]);
        assert_eq!(
            sent[0],
            json!({"role": "assistant", "content": "a", "reasoning_content": "hm"})
        );
        assert_eq!(sent[1], json!({"role": "assistant", "content": "b"}));
    }

    #[test]
    fn an_id_that_servers_refuse_is_replaced_in_call_and_result_alike() {
        let long = "x".repeat(41);
        let call = |id: &str| json!({"type": "toolCall", "id": id, "name": "ls", "arguments": {}});
        let sent = sent(&[assistant(json!([
            call("a|b"),
            call(&long),
            call("call_0"),
            call("functions.ls:3")
        ]))]);
        let ids: Vec<&str> = sent[0]["tool_calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["call_1", "call_2", "call_0", "functions.ls:3"]);
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(sent[n + 1]["tool_call_id"], *id);
        }
    }
}
