//! The unix socket operators speak through.
