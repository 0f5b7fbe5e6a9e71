//! What is left to chance at a cut: by a seed, one after the other until none is left, or as a test says.
//!
//! By agreement 0 is the choice after which least survives, and the last one that after which most does. So a function that always
//! answers 0 loses all that can be lost, and one that answers `n - 1` keeps all.

/// Decides what a cut leaves.
pub trait Choice {
    /// A number below `n`, which is at least 1.
    fn below(&mut self, n: u32) -> u32;

    /// True now and then, for what is worth little of the time: one time in eight.
    fn rarely(&mut self) -> bool {
        self.below(8) == 1
    }
}

impl<F: FnMut(u32) -> u32> Choice for F {
    fn below(&mut self, n: u32) -> u32 {
        self(n).min(n.saturating_sub(1))
    }
}

/// Chance from a seed: the same seed, the same choices, on every machine.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// From this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits (splitmix64).
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Choice for Dice {
    fn below(&mut self, n: u32) -> u32 {
        // The upper half scaled down: as even as any test needs, without a division.
        let scaled = (self.bits() >> 32) * u64::from(n.max(1));
        u32::try_from(scaled >> 32).unwrap_or(0)
    }
}

/// All choices, one combination after the other. For small workloads, where "all" can be waited for.
///
/// ```
/// use latchwork_sys::{Choice, Odometer};
///
/// let mut seen = Vec::new();
/// let mut all = Odometer::default();
/// while all.next_round() {
///     let first = all.below(2);
///     seen.push((first, if first == 1 { all.below(3) } else { 0 }));
/// }
/// assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (1, 2)]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Odometer {
    /// What was chosen out of how many, in the order of asking.
    wheels: Vec<(u32, u32)>,
    asked: usize,
    has_begun: bool,
}

impl Odometer {
    /// Begins the next combination; false if there is none. Called before the first one, too.
    pub fn next_round(&mut self) -> bool {
        self.asked = 0;
        if !std::mem::replace(&mut self.has_begun, true) {
            return true;
        }
        while let Some((chosen, of)) = self.wheels.pop() {
            if chosen + 1 < of {
                self.wheels.push((chosen + 1, of));
                return true;
            }
        }
        false
    }
}

impl Choice for Odometer {
    fn below(&mut self, n: u32) -> u32 {
        if self.asked == self.wheels.len() {
            self.wheels.push((0, n.max(1)));
        }
        let chosen = self.wheels[self.asked].0;
        self.asked += 1;
        chosen.min(n.saturating_sub(1))
    }

    fn rarely(&mut self) -> bool {
        self.below(2) == 1
    }
}
