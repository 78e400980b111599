//! The panels: each says what it shows as lines and a table; how that is drawn is the frame's business.
//!
//! To add a panel: a file here with its [`Panel`], its `mod` line, and its line in [`PANELS`].

mod beacons;
mod cells;
mod clocks;
mod detail;
mod duties;
mod explain;
mod forks;
mod help;
mod hosts;
mod incidents;
mod latency;
mod log;
mod overview;
mod spark;
mod traffic;

pub use cells::state as state_cell;
pub use hosts::colour;

use super::piece::TextLine;
use super::table::Table;
use super::view::View;

/// One panel.
pub trait Panel: Sync {
    /// Its name on the command line.
    fn id(&self) -> &'static str;

    /// Its name on the tab.
    fn title(&self) -> &'static str;

    /// Lines above the table.
    fn above(&self, _view: &View<'_>, _width: u16) -> Vec<TextLine> {
        Vec::new()
    }

    /// The table.
    fn table(&self, view: &View<'_>) -> Table;

    /// Lines below the table, left out where there is no room.
    fn below(&self, _view: &View<'_>, _width: u16) -> Vec<TextLine> {
        Vec::new()
    }

    /// Details of a row; none: the row is all there is.
    fn detail(&self, _view: &View<'_>, _id: &str, _width: u16) -> Option<Vec<TextLine>> {
        None
    }

    /// Whether rows are beacons, so that orders can be given for them.
    fn of_beacons(&self) -> bool {
        false
    }

    /// Whether rows are hosts, so that their remedies can be ordered.
    fn of_hosts(&self) -> bool {
        false
    }

    /// Whether something that is wrong can be chosen in it, to be acknowledged.
    fn takes_notes(&self) -> bool {
        self.of_beacons()
    }

    /// Whether it needs requests explained.
    fn explains(&self) -> bool {
        false
    }
}

/// Every panel, in the order of the tabs.
pub static PANELS: [&dyn Panel; 12] = [
    &overview::Overview,
    &beacons::Beacons,
    &incidents::Incidents,
    &duties::Duties,
    &traffic::Traffic,
    &latency::Latency,
    &hosts::Hosts,
    &clocks::Clocks,
    &explain::Explain,
    &log::Log,
    &help::Help,
    &forks::Forks,
];

/// A panel's place by its name.
pub fn place_of(id: &str) -> Option<usize> {
    PANELS.iter().position(|panel| panel.id() == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::keys::{Action, bindings, panel_key};

    #[test]
    fn every_panel_has_its_key_and_its_name() {
        for (place, panel) in PANELS.iter().enumerate() {
            let action = Action::Panel(place as u8 + 1);
            let binding = bindings().find(|binding| binding.action == action).unwrap();
            assert_eq!(binding.label, panel.title());
            assert_eq!(binding.keys, [panel_key(place)]);
            assert_eq!(place_of(panel.id()), Some(place));
        }
    }
}
