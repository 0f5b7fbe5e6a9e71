//! The tools that only look: `read` and `ls`. They block; the toolbox runs them where that is allowed.

mod image;
mod ls;
mod page;
mod read;

pub(crate) use ls::ls;
pub(crate) use read::read;
