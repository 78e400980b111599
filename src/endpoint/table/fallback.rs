//! Rows for what has no row: chosen by rule, never matched by their path.

use super::super::row::{Namespace, Row, Status};

pub(super) const GET: usize = 0;
pub(super) const POST: usize = 1;
pub(super) const VENDOR: usize = 2;
pub(super) const MALFORMED: usize = 3;

pub(super) const ROWS: &[Row] = &[
    Row::unknown_get("/eth/{version}/*", "unknown-get"),
    Row::unknown_post("/eth/{version}/*", "unknown-post"),
    Row::closed("/*", "unknown-vendor", Namespace::Vendor("")).with_status(Status::Vendor),
    Row::closed("/*", "malformed", Namespace::Vendor("")).with_status(Status::Vendor),
];
