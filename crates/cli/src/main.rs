//! The `latchwork` program: parse, render, exit codes.

fn main() {}
