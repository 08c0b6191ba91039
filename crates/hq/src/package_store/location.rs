//! Which package store: a URL without credentials.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// Where packages are kept, by URL. Credentials never stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageUrl {
    pub(super) text: String,
    pub(super) place: Place,
}

/// A URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket or container of a service, and the path in it that all locations are under.
    Bucket { service: Service, bucket: String, prefix: String },
}

/// Who keeps the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Amazon S3 and all that speak like it.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

/// Why a text is no URL of a package store. It does not quote the text, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPackageUrl {
    /// Not one of the four forms.
    #[error(
        "a package store is file:///FOLDER, s3://BUCKET/PATH, gs://BUCKET/PATH or \
         az://CONTAINER/PATH"
    )]
    Form,
    /// A password or a signature.
    #[error(
        "a package store's URL holds no credentials; give them in the environment, such as \
         AWS_ACCESS_KEY_ID, GOOGLE_SERVICE_ACCOUNT or AZURE_STORAGE_ACCOUNT_KEY"
    )]
    Credentials,
}

impl FromStr for PackageUrl {
    type Err = BadPackageUrl;

    fn from_str(text: &str) -> Result<Self, BadPackageUrl> {
        let url = Url::parse(text).map_err(|_| BadPackageUrl::Form)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(BadPackageUrl::Credentials);
        }
        let service = match url.scheme() {
            "file" => {
                let folder = url.to_file_path().map_err(|()| BadPackageUrl::Form)?;
                return Ok(PackageUrl { text: text.to_owned(), place: Place::Folder(folder) });
            }
            "s3" => Service::S3,
            "gs" => Service::Google,
            "az" => Service::Azure,
            _ => return Err(BadPackageUrl::Form),
        };
        let bucket = url.host_str().filter(|host| !host.is_empty()).ok_or(BadPackageUrl::Form)?;
        if url.port().is_some() {
            return Err(BadPackageUrl::Form);
        }
        let bucket = bucket.to_owned();
        let prefix = url.path().trim_matches('/').to_owned();
        let place = Place::Bucket { service, bucket, prefix };
        Ok(PackageUrl { text: text.to_owned(), place })
    }
}

impl fmt::Display for PackageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(service: Service, bucket: &str, prefix: &str) -> Result<Place, BadPackageUrl> {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Ok(Place::Bucket { service, bucket, prefix })
    }

    #[test]
    fn the_four_forms_are_read_and_nothing_else() {
        let place = |text: &str| text.parse::<PackageUrl>().map(|url| url.place);
        assert_eq!(place("file:///srv/packages"), Ok(Place::Folder("/srv/packages".into())));
        assert_eq!(place("s3://chain"), bucket(Service::S3, "chain", ""));
        assert_eq!(place("s3://chain/hq/live/"), bucket(Service::S3, "chain", "hq/live"));
        assert_eq!(place("gs://chain/hq"), bucket(Service::Google, "chain", "hq"));
        assert_eq!(place("az://chain/hq"), bucket(Service::Azure, "chain", "hq"));
        for text in ["", "/srv/packages", "s3:chain", "s3:///hq", "http://chain/hq", "s3://a:9/b"] {
            assert_eq!(place(text), Err(BadPackageUrl::Form), "{text}");
        }
    }

    #[test]
    fn a_url_with_a_secret_in_it_is_refused_without_quoting_it() {
        for text in ["s3://ann:geheim@chain/hq", "s3://ann@chain", "az://chain/hq?sig=geheim"] {
            let error = text.parse::<PackageUrl>().expect_err("a secret");
            assert_eq!(error, BadPackageUrl::Credentials);
            assert!(!error.to_string().contains("geheim"));
        }
    }
}
