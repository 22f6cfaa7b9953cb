//! The adapter against a mock server: what it sends, and what it makes of answers.

mod callbacks;
mod downloads;
mod rules;
mod status;
mod submit;
mod support;
mod token;
