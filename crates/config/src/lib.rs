//! Layered configuration in which every value knows where it came from.
