//! Documenso against measured answers for single wire details, and against the sandbox for everything that has a course.

mod bad_input;
mod flows;
mod lost;
mod support;
mod wire;
