//! The donet daemon.

fn main() {}
