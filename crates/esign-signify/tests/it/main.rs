//! Signify against a mock server for single wire details, and against the sandbox for everything that has a course.

mod downloads;
mod flows;
mod lost;
mod rules;
mod settle;
mod status;
mod support;
mod wire;
