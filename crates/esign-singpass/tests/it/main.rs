//! The adapter against a mock server (what it sends, and what it makes of answers) and against the simulator (flows).

mod callbacks;
mod sandbox;
mod settle;
mod support;
mod wire;
