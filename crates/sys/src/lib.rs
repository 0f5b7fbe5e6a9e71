//! Disk, clock, processes and randomness as small traits: the seam where faults are injected.
