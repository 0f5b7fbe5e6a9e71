//! Model providers: OpenAI-compatible Chat Completions over HTTP, and replay of a recorded session.
