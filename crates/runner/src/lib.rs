//! One agent turn in typed phases, with nothing held while a model or a tool is waited for.
