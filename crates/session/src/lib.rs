//! The seams of a session runtime: one trait a file, plain values, and a conformance suite for each.
