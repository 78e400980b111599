//! The door validator clients knock at.
