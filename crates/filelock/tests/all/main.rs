//! One test program, so that it is linked once. Each module is a family of promises.

mod claims;
mod foreign;
mod hold;
mod lost;
mod processes;
mod refuse;
mod stage;
mod support;
mod worker;
