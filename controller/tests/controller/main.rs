//! A real controller on a real socket, with agents and borders that say what they are told to say.

#![allow(clippy::unwrap_used)]

mod bench;
mod fleet;
mod network;
mod restart;
mod tls;
