//! What each beacon has been told, as far as later requests depend on it.
//!
//! Pure. It remembers who holds which subscription, so that aggregates are asked where they can exist; it never sends.

mod held;

pub use held::Held;
