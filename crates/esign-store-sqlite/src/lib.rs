#![doc = include_str!("../README.md")]

mod place;
mod rows;
mod schema;
mod store;
mod writer;

pub use store::SqliteStore;
