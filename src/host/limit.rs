//! What a threshold is: a named number with a unit, scaled by the machine's size.

use std::collections::BTreeMap;

/// What a limit grows with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// The same on every machine.
    Fixed,
    /// Times the speed of the link the machine talks through, in Gbit/s; at least once.
    Link,
    /// Times the number of processors.
    Cores,
    /// Times the memory, in GiB.
    Ram,
}

/// A threshold.
#[derive(Debug)]
pub struct Limit {
    /// `check.verdict`: the name to override it by.
    pub name: &'static str,
    /// The number, before scaling.
    pub value: f64,
    /// What it counts.
    pub unit: &'static str,
    /// What it grows with.
    pub scale: Scale,
}

impl Limit {
    /// Whether it is the same on every machine.
    pub fn is_fixed(&self) -> bool {
        self.scale == Scale::Fixed
    }

    /// The number an operator writes for one: from 0 up.
    pub fn number(text: &str) -> Option<f64> {
        text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
    }
}

/// Limits an operator sets instead of the table's, by name; they are not scaled.
pub type Overrides = BTreeMap<String, f64>;
