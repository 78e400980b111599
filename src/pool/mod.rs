//! Who may serve what: health with hysteresis, the agreed head, the lifecycle, and the table the router reads.
//!
//! Pure but for [`Gauge`], whose atomics the router writes and this room reads. It never probes, never routes and
//! never reads a clock: [`Pool::handle`] takes an event and a moment and returns actions for `engine` to run. To add
//! a reason, add it to `model::Reason`, to `condition` (when it holds) and to `grade` (what it forbids).

mod agree;
mod condition;
mod gauge;
mod grade;
mod histogram;
mod passing;
mod split;
mod state;
mod succeed;
mod table;

pub use agree::{AgreedHead, Block, Heads};
pub use condition::{Chain, Condition, Facts, Failure, Settings};
pub use gauge::Gauge;
pub use grade::{GOOD, NEVER, UNSEEDED, grade};
pub use histogram::Histogram;
pub use split::{Client, Parted, Side, Split};
pub use state::{Action, Event, FALLBACK_SLOT_MS, Member, Pool};
pub use succeed::{Joined, serves_as_well};
pub use table::{Entry, Table};

#[cfg(test)]
mod tests;
