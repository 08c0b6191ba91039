//! libFuzzer around one target of `tillsync-fuzz`, named by an environment variable.
//!
//! It must never judge an input: the target does. `cargo xtask fuzz` builds and runs it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use tillsync_fuzz::Target;

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("TILLSYNC_FUZZ_TARGET").expect("cargo xtask fuzz names a target");
    tillsync_fuzz::target(&name).expect("cargo xtask fuzz names a target that exists")
});

fuzz_target!(|input: &[u8]| -> Corpus {
    if input.len() > TARGET.bytes_max {
        return Corpus::Reject;
    }
    (TARGET.run)(input);
    Corpus::Keep
});
