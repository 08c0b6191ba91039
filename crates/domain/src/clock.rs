//! Time as a parameter: whoever holds the clock decides what time it is.

use jiff::Timestamp;

/// Tells the time to work that goes on for longer than one instant.
///
/// The process supplies the machine's clock; a simulator its own.
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> Timestamp;
}
