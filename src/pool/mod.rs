//! Who may serve what.
