//! The simulated Documenso against what was measured on the real one, version 2.17.0: each request is made again, and each
//! answer compared field by field, ids, times and tokens aside.

mod measured;
mod replay;
mod rules;
mod support;
