//! Documents for tests and measurements, all made here: nobody else's file lies in this repository.

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
pub mod shapes;

#[cfg(test)]
pub(crate) use fixture::{Choices, Fixture, Style, document, peak_memory, plain, rounds, stream};
