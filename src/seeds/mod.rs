//! What each beacon has been told.
