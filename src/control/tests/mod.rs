//! Both sides together: over real sockets, and within this process.

mod house;
mod reaching;
mod sockets;
mod watching;
