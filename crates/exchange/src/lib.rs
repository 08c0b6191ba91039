//! The wire contract between a database and its upstream: register to channel, channel to
//! headquarters. The same messages, packages and session rules serve both legs.
//!
//! This crate must never open a socket, a file or a database, or read a clock: it holds formats
//! and the state machines of both ends. `docs/protocol.md` describes it for people.

pub mod breaker;
pub mod device;
pub mod messages;
pub mod package;
pub mod pin;
pub mod realtime;
pub mod retry;
pub mod rows;
pub mod session;
pub mod text;
pub mod version;
pub mod watermark;
pub mod words;
