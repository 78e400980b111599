//! The simulation itself: healthy clients miss nothing, every fault bites, what the API promises holds.

mod api;
mod clients;
mod help;
mod sockets;
