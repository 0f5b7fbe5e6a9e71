//! The pi session format: raw lines, entries, versions 1 to 3, context and its projection to model requests.
