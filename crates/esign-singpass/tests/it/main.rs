//! The adapter against a mock server: what it sends, and what it makes of answers.

mod callbacks;
mod support;
mod wire;
