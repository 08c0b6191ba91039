//! What must hold of every input there can be, as one function per kind of input.
//!
//! A target takes bytes, does with them what the product does, and panics when a promise is
//! broken. It must never read a clock, draw a random number or keep anything from one input to the
//! next: the engine and the plain test of the corpora both call it, and must see the same.

mod bodies;
mod files;
mod log_entry;
mod lossless;
mod messages;
mod package;
mod planted;
mod values;

/// One kind of input and what must hold of it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it is called on the command line, and the folder of its corpus.
    pub name: &'static str,
    /// Takes one input; panics when a promise is broken.
    pub run: fn(&[u8]),
    /// The longest input worth trying, in bytes.
    pub bytes_max: usize,
}

/// Every target, in the order in which they are run.
pub const TARGETS: &[Target] = &[
    Target { name: "package", run: package::any_bytes, bytes_max: 4096 },
    Target { name: "package-lines", run: package::lines, bytes_max: 4096 },
    Target { name: "manifest", run: package::manifest, bytes_max: 1024 },
    Target { name: "log-row", run: log_entry::row, bytes_max: 2048 },
    Target { name: "document-content", run: log_entry::document_content, bytes_max: 2048 },
    Target { name: "operation-content", run: log_entry::operation_content, bytes_max: 2048 },
    Target { name: "customer-body", run: bodies::customer, bytes_max: 2048 },
    Target { name: "trade-body", run: bodies::trade, bytes_max: 2048 },
    Target { name: "headquarters-body", run: messages::headquarters_body, bytes_max: 1024 },
    Target { name: "message", run: messages::message, bytes_max: 1024 },
    Target { name: "customers-csv", run: files::customers, bytes_max: 2048 },
    Target { name: "items-csv", run: files::items, bytes_max: 2048 },
    Target { name: "amount", run: values::amount, bytes_max: 64 },
    Target { name: "number-format", run: values::number_format, bytes_max: 64 },
    Target { name: "identity", run: values::identity, bytes_max: 128 },
    Target { name: "activation-code", run: values::activation_code, bytes_max: 64 },
    Target { name: "url", run: values::url, bytes_max: 256 },
];

/// A target with an error planted four branches deep: an engine that is guided by coverage finds
/// it within a second, one that only guesses practically never.
pub const PLANTED: Target = Target { name: "planted", run: planted::run, bytes_max: 64 };

/// The target of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().chain([&PLANTED]).find(|target| target.name == name)
}
