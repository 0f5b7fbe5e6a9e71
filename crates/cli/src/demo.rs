//! demo
use crate::{args::Demo, exit::Exit, failure::Failure, output::Errors, world::World};
pub(crate) async fn run(_t: &Demo, _w: &World, _e: Errors) -> Result<Exit, Failure> {
    Ok(Exit::Ok)
}
