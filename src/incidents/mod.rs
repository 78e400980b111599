//! From symptoms to culprits: who is to blame, why, since when, and when it is over.
//!
//! Pure: observations in ([`crate::model::Observation`]), changes of incidents out ([`Change`]); no clock but the slots of
//! what is observed, so the same recording gives the same incidents. It never asks anybody and knows no validator by
//! itself: counts by path (client, beacon) and slot are enough, and what a step costs does not grow with validators.
//!
//! | file | owns |
//! |---|---|
//! | `component` | what may be to blame, and which of them are on a path |
//! | `symptom` | kinds of symptoms: their usual rate, how they clump, whose doing they can be |
//! | `usual` | what is usual for whom, learned late, so that a fault is not usual before it is found |
//! | `window` | the last slots as counts of symptoms |
//! | `localise` | the most probable set of culprits of a window |
//! | `network` | what is everybody's |
//! | `causes` | why |
//! | `life` | an incident, and what is told of it |
//! | `engine` | all together, slot by slot |
//! | `story` | what is told of an incident besides: cost, symptoms folded under it, who is ruled out |
//! | `board` | incidents as everyone is shown them: severity, state, what was done, what to do |
//!
//! To add a symptom: a variant in `symptom`, the place in `window` that marks it, its words. To add a kind of component:
//! nothing, any label of a beacon or client is one.

mod advice;
mod board;
mod causes;
mod component;
mod engine;
mod life;
mod localise;
mod network;
mod story;
mod symptom;
mod usual;
mod window;

#[cfg(test)]
mod tests;

pub use board::{Board, Moved, Scene};
pub use engine::Incidents;
pub use life::{Change, Event};
pub use story::Losses;
