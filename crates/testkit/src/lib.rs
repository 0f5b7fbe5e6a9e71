//! Development only: programs, peers and forced interleavings for tests.
