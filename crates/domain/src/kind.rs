//! The six kinds of failure that every layer maps to its own language.

/// What sort of failure an error is: decided once, where it is raised.
///
/// HTTP status, exit code, hint and retry are each an exhaustive match on this enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller's input breaks a rule; repeating it will fail again.
    Invalid,
    /// The thing named does not exist here.
    NotFound,
    /// The request contradicts what is already stored.
    Conflict,
    /// The caller may not do this.
    Forbidden,
    /// Temporarily impossible: try again later.
    Busy,
    /// A disk, a database or tillsync itself failed.
    Broken,
}

impl ErrorKind {
    /// The stable code that APIs print.
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::Invalid => "invalid",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Forbidden => "forbidden",
            ErrorKind::Busy => "busy",
            ErrorKind::Broken => "broken",
        }
    }
}
