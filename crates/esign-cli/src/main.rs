//! The `esign` command.
fn main() {}
