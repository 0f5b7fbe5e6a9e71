//! Durable, concurrent-safe sessions for AI agents: the facade that builds the parts.
