//! Where headquarters' packages are when they are no files of the fleet.

use std::fmt;

/// The environment variable that tells a command of headquarters its package store.
pub const PACKAGES_VARIABLE: &str = "TILLSYNC_PACKAGES";

/// A package store with what opens it. The variables hold secrets, so they show to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct PackageService {
    /// The URL, without credentials.
    pub url: String,
    /// The environment of headquarters that the store's driver reads, by name.
    pub variables: Vec<(String, String)>,
}

impl fmt::Debug for PackageService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackageService").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_show_in_debug_output() {
        let variables = vec![("AWS_SECRET_ACCESS_KEY".to_owned(), "geheim".to_owned())];
        let service = PackageService { url: "s3://chain".to_owned(), variables };
        assert_eq!(format!("{service:?}"), r#"PackageService { url: "s3://chain", .. }"#);
    }
}
