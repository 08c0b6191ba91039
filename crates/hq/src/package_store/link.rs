//! Links to objects: whoever holds one can read that object, for a few minutes.
//!
//! A link is a secret as long as it is valid. It must never be logged.

use std::fmt;
use std::time::Duration;

use object_store::path::Path;
use object_store::signer::{Method, Url};

use super::patience::within;
use super::{PackageStore, PackageStoreError};

/// How long a link can be followed. What was begun in that time may take longer.
const VALID: Duration = Duration::from_mins(5);

/// A URL at which one object can be read for a few minutes by whoever has it.
#[derive(Clone, PartialEq, Eq)]
pub struct PackageLink(Url);

impl PackageLink {
    /// The URL itself: for the one who asked for the object.
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for PackageLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PackageLink(…)")
    }
}

impl PackageStore {
    /// A link to an object, or nothing where there can be none: in a folder. Whether the object is
    /// there is not looked at.
    ///
    /// # Errors
    /// Busy: the credentials do not sign, or whoever signs for them does not answer.
    pub async fn link_to(&self, location: &str) -> Result<Option<PackageLink>, PackageStoreError> {
        let Some(signer) = &self.signer else { return Ok(None) };
        let path = Path::from(location);
        let signing = signer.signed_url(Method::GET, &path, VALID);
        match within(self.patience.begin, signing).await {
            Ok(url) => Ok(Some(PackageLink(url))),
            Err(error) => Err(PackageStoreError::read(location, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(url: &str, variables: &[(&str, &str)]) -> PackageStore {
        let url = url.parse().expect("a URL");
        let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        PackageStore::open(&url, variables).expect("opening asks nobody")
    }

    fn link(store: &PackageStore) -> Option<PackageLink> {
        store.runtime().block_on(store.link_to("1010/retail/a")).expect("signed on this machine")
    }

    #[test]
    fn a_link_names_the_object_and_holds_no_secret() {
        let secret = "Z2VoZWltZXMgV29ydA==";
        let s3 = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "ann"),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ];
        let azure =
            [("AZURE_STORAGE_ACCOUNT_NAME", "chain"), ("AZURE_STORAGE_ACCOUNT_KEY", secret)];
        for (url, variables, begin, expiry) in [
            ("s3://packages/hq/live", &s3[..], "/hq/live/1010/retail/a?", "X-Amz-Expires=300"),
            ("s3://packages", &s3[..], "/1010/retail/a?", "X-Amz-Expires=300"),
            ("az://packages/hq", &azure[..], "/packages/hq/1010/retail/a?", "se="),
        ] {
            let link = link(&store(url, variables)).expect("a bucket has links");
            assert!(link.reveal().starts_with("https://"), "{}", link.reveal());
            assert!(link.reveal().contains(begin), "{}", link.reveal());
            assert!(link.reveal().contains(expiry), "{}", link.reveal());
            assert!(!link.reveal().contains(secret));
            assert_eq!(format!("{link:?}"), "PackageLink(…)");
        }
    }

    #[test]
    fn there_are_no_links_to_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = PackageStore::open_folder(folder.path()).expect("a store");
        assert_eq!(link(&store), None);
    }
}
