//! The table of faults names tests that are there.
