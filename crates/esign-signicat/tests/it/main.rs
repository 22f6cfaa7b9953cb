//! The adapter against a mock server (what it sends, and what it makes of answers) and against the simulator (flows).

mod callbacks;
mod downloads;
mod openapi;
mod rules;
mod sandbox;
mod settle;
mod status;
mod submit;
mod support;
mod token;
