//! Where headquarters' database is when it is no file of the fleet.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// The environment variable that tells a command of headquarters its database: what stands on a
/// command line can be read by every user of the machine.
pub const DATABASE_VARIABLE: &str = "TILLSYNC_DATABASE";

/// The URL of a PostgreSQL database. It may hold a password, so it shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL itself: for the driver and the environment of a child only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Every text is taken, so that none is ever quoted as wrong.
impl FromStr for DatabaseUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(DatabaseUrl(text.to_owned()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_does_not_show_in_debug_output() {
        let Ok(url) = "postgres://ann:geheim@db/hq".parse::<DatabaseUrl>();
        assert_eq!(format!("{url:?}"), "DatabaseUrl(…)");
        assert_eq!(url.reveal(), "postgres://ann:geheim@db/hq");
    }
}
