//! The command as a person or a script runs it: the binary, in a folder of its own.

mod bad_input;
mod demo;
mod evidence;
mod foreign;
mod json;
mod kept;
mod keys;
mod lifecycle;
mod markers;
mod plan;
mod preview;
mod probe;
mod session;
mod support;
mod verify;
