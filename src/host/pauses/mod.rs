//! Pauses of a client's runtime, as its own metrics count them: garbage collections that stop it, a loop that lags.
//!
//! A record keeps no more of the metrics than the lines this room reads. Concurrent work of a collector is no pause and is
//! left out. How long the longest pause was is told from below: no less than the mean of those counted, than the bounds of
//! the bucket it fell into, than a highest value that rose meanwhile.
//!
//! | file | owns |
//! |---|---|
//! | `families` | which metrics of which runtime tell of pauses |
//! | `lines` | the text they are written in |
//! | `moved` | what happened between two looks |
//! | `scrape` | asking for it |

mod families;
mod lines;
mod moved;
mod scrape;

use super::source::{Ask, Kind};

pub use lines::kept;
pub use moved::{Pauses, between};
pub use scrape::Scraper;

/// What is asked to learn whose metrics are looked at.
pub fn whose() -> Ask {
    Ask::new(Kind::List, "@metrics")
}

/// What is asked of one of them.
pub fn of(name: &str) -> Ask {
    Ask::new(Kind::Pauses, name)
}
