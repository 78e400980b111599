//! From symptoms to culprits: who is to blame, why, since when, and when it is over.
//!
//! Pure but for `notify`: observations in ([`crate::model::Observation`]), changes of incidents out ([`Change`]); no clock but the slots of
//! what is observed, so the same recording gives the same incidents. It never asks anybody and knows no validator by
//! itself: counts by path (client, beacon) and slot are enough, and what a step costs does not grow with validators. Keys that
//! sign at two places are found by who sees the messages, and are told in words.
//!
//! | file | owns |
//! |---|---|
//! | `component` | what may be to blame, and which of them are on a path |
//! | `symptom` | kinds of symptoms: their usual rate, how they clump, whose doing they can be |
//! | `usual` | what is usual for whom, learned late, so that a fault is not usual before it is found |
//! | `apart` | what one beacon takes longer for than others that are given the same |
//! | `window` | the last slots, as small as it goes |
//! | `marks` | what a slot shows, as counts of symptoms by path |
//! | `cells` | what the last slots show, ready to be weighed |
//! | `learn` | what is usual, from what nobody is blamed for |
//! | `localise` | the most probable set of culprits of a window |
//! | `weigh` | what blaming one component would explain |
//! | `given` | what those that are blamed explain already |
//! | `network` | what is everybody's |
//! | `keys` | keys that sign at two places |
//! | `findings` | what checks of hosts found, and incidents of that alone |
//! | `causes/` | why: a rule a file |
//! | `life` | an incident, and what is told of it |
//! | `engine` | all together, slot by slot |
//! | `telling` | what is told of who is blamed: why, how sure, what speaks for it |
//! | `story` | what is told of an incident besides: cost, symptoms folded under it, who is ruled out |
//! | `board` | incidents as everyone is shown them: severity, state, what was done, what to do |
//! | `notify` | who is told of an incident: the one place here that does I/O |
//!
//! To add a symptom: a variant in `symptom`, the place in `marks` that counts it, its words. To add a
//! reason: a file in `causes/` and its line there. To add a kind of component:
//! nothing, any label of a beacon or client is one.

mod advice;
mod apart;
mod board;
mod causes;
mod cells;
mod component;
mod engine;
mod findings;
mod given;
mod keys;
mod learn;
mod life;
mod localise;
mod marks;
mod network;
pub mod notify;
mod splits;
mod story;
mod symptom;
mod telling;
mod usual;
mod weigh;
mod window;

#[cfg(test)]
mod slowness;
#[cfg(test)]
mod tests;

pub use board::{Board, Scene};
pub use engine::Incidents;
pub use life::{Change, Event};
pub use story::Losses;
