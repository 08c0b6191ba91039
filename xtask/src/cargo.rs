//! Starting cargo from within a program that cargo runs.

use std::path::Path;
use std::process::Command;

/// Cargo itself, in the root of the repository.
///
/// What cargo told this program about its own package does not reach it: build scripts that watch
/// these variables would run again, and with them half of the dependencies.
pub(crate) fn cargo_command(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    for (name, _) in std::env::vars_os() {
        let is_ours = name.to_str().is_some_and(is_of_this_package);
        if is_ours {
            command.env_remove(name);
        }
    }
    command
}

fn is_of_this_package(name: &str) -> bool {
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_of_this_package_reaches_no_other_and_settings_do() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
            assert!(is_of_this_package(name), "{name}");
        }
        for name in ["CARGO_TARGET_DIR", "CARGO_TERM_COLOR", "CARGO", "PATH"] {
            assert!(!is_of_this_package(name), "{name}");
        }
    }
}
