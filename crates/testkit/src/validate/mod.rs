//! Whether a provider would take a request: its published rules of form, as a validator for each protocol.
//!
//! Each gives the reasons for a refusal as sentences that begin with the place; none means that the request would be taken. They
//! are written from the providers' references and from the words of their refusals, share no code with what
//! renders requests, and know no types: a body is a `serde_json::Value`. Each has a table of bodies that it must refuse.
//!
//! Where a provider grew laxer with time, or servers differ, the strict rule stands here. Deliberately absent: whether seals are
//! genuine (only the provider can tell), limits of size, and rules about fields that no renderer of ours sets.

pub mod anthropic;
pub mod chat;
pub mod gemini;
mod report;
pub mod responses;

#[cfg(test)]
mod tests;
