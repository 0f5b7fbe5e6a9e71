//! The proof that nothing is held cannot be made by hand.
use latchwork_lock::Unlocked;

fn main() {
    let _proof: Unlocked<'static> = Unlocked(std::marker::PhantomData);
}
