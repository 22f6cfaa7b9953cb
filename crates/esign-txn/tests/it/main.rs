//! The adapter against a mock server: what it sends, what it takes, and everything that it refuses.

mod answers;
mod config;
mod sessions;
mod support;
mod wire;
