//! Built-in tools for agents: read, ls and a sandboxed bash, with limits on time and output.
