//! The adapter against a mock server (what it sends, what it takes, what it refuses) and against the simulator (flows).

mod answers;
mod config;
mod sandbox;
mod sessions;
mod settle;
mod support;
mod wire;
