//! The fleet file: raw text becomes a [`Fleet`], which cannot be wrong.
//!
//! `load` is the one file that reads disk; the rest is pure and reports every problem at once.

pub use crate::model::Fleet;
