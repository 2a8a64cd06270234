//! Waits until a GPU instance of fal's Compute API is there.

fn main() {}
