//! Who this database is: enrolment, credential, incarnation.
//!
//! The credential is drawn here and kept before anything is sent, so an enrolment whose answer
//! was lost is repeated with the same one.

use rusqlite::{Connection, OptionalExtension, params};
use tillsync_domain::entropy::Entropy;
use tillsync_domain::ids::{DatabaseId, EpochId, GroupId};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::device::{ActivationCode, Secret, SecretHash};
use tillsync_exchange::messages::{DatabaseKind, EnrolRequest, Enrolled, ExchangeMode};
use tillsync_exchange::version::SPOKEN;
use url::Url;
use uuid::Uuid;

use crate::db::{Db, DbError, digest_column, parsed_column, uuid_column};
use crate::upstream::{Upstream, UpstreamError};

/// The name of the database file in a data directory.
pub fn database_file(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Channel => "channel.db",
        DatabaseKind::Register => "offline.db",
    }
}

/// The stable name of a kind of database.
pub fn kind_name(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Channel => "channel",
        DatabaseKind::Register => "register",
    }
}

/// The base URL of an upstream, such as `https://hq.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamUrl(String);

/// A text that is no URL of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an upstream is named by its base URL, such as https://hq.example.com")]
pub struct BadUpstreamUrl;

impl UpstreamUrl {
    /// Accepts `http://` or `https://` with a host, perhaps a port and a path, and nothing else:
    /// the path of each route is appended to it. Slashes at its end are left out.
    ///
    /// # Errors
    /// Invalid: anything else.
    pub fn parse(text: &str) -> Result<Self, BadUpstreamUrl> {
        let text = text.trim().trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        // The parser below mends what looks nearly right; whoever calls the URL does not.
        let is_plain = |c: char| c.is_ascii_graphic() && !"\\^`|<>{}\"?#@".contains(c);
        let is_written_well =
            rest.is_some_and(|rest| !rest.starts_with('/') && rest.chars().all(is_plain));
        if is_written_well && Url::parse(text).is_ok() {
            Ok(UpstreamUrl(text.to_owned()))
        } else {
            Err(BadUpstreamUrl)
        }
    }

    /// The URL as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who an enrolled database is. Does not change while it is open.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its name.
    pub database: DatabaseId,
    /// Channel or register.
    pub kind: DatabaseKind,
    /// Its group.
    pub group: GroupId,
    /// The channel of a register.
    pub parent: Option<DatabaseId>,
    /// Where its upstream is.
    pub upstream: UpstreamUrl,
    /// What it presents there.
    pub credential: Secret,
}

impl Identity {
    /// The store that this database is, or that it belongs to.
    pub fn store(&self) -> &DatabaseId {
        self.parent.as_ref().unwrap_or(&self.database)
    }
}

/// Why a database could not be enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The upstream refused or could not be reached.
    #[error("enrol at the upstream")]
    Upstream(#[from] UpstreamError),
    /// The file belongs to another database.
    #[error(
        "this file belongs to {stored}, but the code is for {offered}; use another data directory"
    )]
    OtherDatabase {
        /// Whose file it is.
        stored: DatabaseId,
        /// Whose code it is.
        offered: DatabaseId,
    },
    /// The code is for the other kind of database.
    #[error("the code is for a {}, not for a {}", kind_name(*offered), kind_name(*wanted))]
    OtherKind {
        /// What was asked for.
        wanted: DatabaseKind,
        /// What the code is for.
        offered: DatabaseKind,
    },
    /// The database failed.
    #[error("keep the enrolment")]
    Db(#[from] DbError),
}

impl EnrolError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            EnrolError::Upstream(error) => error.kind(),
            EnrolError::OtherDatabase { .. } | EnrolError::OtherKind { .. } => ErrorKind::Conflict,
            EnrolError::Db(error) => error.kind(),
        }
    }
}

/// What an enrolment asks for.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// What the database is to be.
    pub kind: DatabaseKind,
    /// Where.
    pub upstream: UpstreamUrl,
    /// The code as typed.
    pub code: String,
}

/// Redeems an activation code and keeps who the database is from then on.
///
/// May be repeated with the same code, whatever became of the first answer. A later code for the
/// same database replaces the credential.
///
/// # Errors
/// Forbidden or Busy: the upstream said so. Conflict: the file belongs to another database.
pub fn enrol_database(
    db: &Db,
    upstream: &dyn Upstream,
    enrolment: Enrolment,
    entropy: &dyn Entropy,
) -> Result<Enrolled, EnrolError> {
    let code_hash = ActivationCode::typed(&enrolment.code).hash();
    let mut random = [0; 32];
    entropy.fill(&mut random);
    // Asked again even when enrolled: a channel restored from an older copy may have forgotten
    // its register, and learns of it again by this.
    let known = db.read(|connection| enrolled_with(connection, code_hash))?;
    let drawn = known.map_or(Secret::from_random(random), |identity| identity.credential);
    let credential = db.write(move |connection| credential_keep(connection, code_hash, &drawn))?;
    let request = EnrolRequest {
        code: enrolment.code.clone(),
        credential_hash: credential.hash(),
        protocol: SPOKEN,
    };
    let enrolled = upstream.enrol(&request)?;
    if enrolled.kind != enrolment.kind {
        return Err(EnrolError::OtherKind { wanted: enrolment.kind, offered: enrolled.kind });
    }
    let epoch = draw_epoch(entropy);
    let answer = enrolled.clone();
    db.write(move |connection| {
        let stored = identity_read(connection)?;
        if let Some(stored) = stored.filter(|stored| stored.database != enrolled.database) {
            let (stored, offered) = (stored.database, enrolled.database);
            return Err(EnrolError::OtherDatabase { stored, offered });
        }
        let kept = Kept { upstream: &enrolment.upstream, credential: &credential, code_hash };
        identity_write(connection, &enrolled, &kept, epoch)?;
        Ok(())
    })?;
    Ok(answer)
}

/// Draws the id of a new incarnation.
pub(crate) fn draw_epoch(entropy: &dyn Entropy) -> EpochId {
    let mut random = [0; 16];
    entropy.fill(&mut random);
    EpochId::from_uuid(uuid::Builder::from_random_bytes(random).into_uuid())
}

/// Reads who the database is; nothing when it is not enrolled.
pub(crate) fn identity_read(connection: &Connection) -> Result<Option<Identity>, DbError> {
    let found = connection
        .prepare_cached(
            "SELECT database_id, kind, group_id, parent, upstream, credential FROM edge",
        )?
        .query_row([], |row| {
            let parent: Option<String> = row.get(3)?;
            let parent = parent.is_some().then(|| parsed_column(row, 3)).transpose()?;
            let (kind, upstream): (String, String) = (row.get(1)?, row.get(4)?);
            let credential: String = row.get(5)?;
            let credential = Secret::presented(&credential);
            let (database, group) = (parsed_column(row, 0)?, parsed_column(row, 2)?);
            let upstream = UpstreamUrl(upstream);
            let kind = match kind.as_str() {
                "channel" => DatabaseKind::Channel,
                _ => DatabaseKind::Register,
            };
            Ok(Identity { database, kind, group, parent, upstream, credential })
        })
        .optional()?;
    Ok(found)
}

/// The incarnation the database is in.
pub(crate) fn epoch_read(connection: &Connection) -> Result<EpochId, DbError> {
    let epoch: Uuid = connection
        .prepare_cached("SELECT epoch FROM edge")?
        .query_row([], |row| uuid_column(row, 0))?;
    Ok(EpochId::from_uuid(epoch))
}

/// Begins a new incarnation: nothing of it has been sent yet.
pub(crate) fn epoch_begin(connection: &Connection, epoch: EpochId) -> Result<(), DbError> {
    connection
        .prepare_cached("UPDATE edge SET epoch = ?1, sent_counter = 0, sent_entry = NULL")?
        .execute([epoch.as_uuid().as_bytes()])?;
    Ok(())
}

/// The stable name of a mode.
pub fn mode_name(mode: ExchangeMode) -> &'static str {
    match mode {
        ExchangeMode::Live => "live",
        ExchangeMode::Scheduled => "scheduled",
    }
}

/// The mode the database was last told to be in.
pub(crate) fn mode_read(connection: &Connection) -> Result<ExchangeMode, DbError> {
    let mode: String =
        connection.prepare_cached("SELECT mode FROM edge")?.query_row([], |row| row.get(0))?;
    Ok(if mode == mode_name(ExchangeMode::Live) {
        ExchangeMode::Live
    } else {
        ExchangeMode::Scheduled
    })
}

/// Keeps the mode for the next start.
pub(crate) fn mode_write(connection: &Connection, mode: ExchangeMode) -> Result<(), DbError> {
    connection.prepare_cached("UPDATE edge SET mode = ?1")?.execute([mode_name(mode)])?;
    Ok(())
}

struct Kept<'a> {
    upstream: &'a UpstreamUrl,
    credential: &'a Secret,
    code_hash: SecretHash,
}

fn enrolled_with(
    connection: &Connection,
    code_hash: SecretHash,
) -> Result<Option<Identity>, DbError> {
    let stored: Option<[u8; 32]> = connection
        .query_row("SELECT code_hash FROM edge", [], |row| digest_column(row, 0))
        .optional()?;
    if stored == Some(code_hash.0) { identity_read(connection) } else { Ok(None) }
}

fn credential_keep(
    connection: &Connection,
    code_hash: SecretHash,
    drawn: &Secret,
) -> Result<Secret, DbError> {
    connection.execute(
        "INSERT INTO enrolment (code_hash, credential) VALUES (?1, ?2)
         ON CONFLICT (code_hash) DO NOTHING",
        params![code_hash.0, drawn.reveal()],
    )?;
    let kept: String = connection.query_row(
        "SELECT credential FROM enrolment WHERE code_hash = ?1",
        [code_hash.0],
        |row| row.get(0),
    )?;
    Ok(Secret::presented(&kept))
}

fn identity_write(
    connection: &Connection,
    enrolled: &Enrolled,
    kept: &Kept<'_>,
    epoch: EpochId,
) -> Result<(), DbError> {
    connection.execute(
        "INSERT INTO edge (one, database_id, kind, group_id, parent, upstream, credential,
                           code_hash, epoch, mode)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'live')
         ON CONFLICT (one) DO UPDATE SET group_id = excluded.group_id, parent = excluded.parent,
             upstream = excluded.upstream, credential = excluded.credential,
             code_hash = excluded.code_hash",
        params![
            enrolled.database.as_str(),
            kind_name(enrolled.kind),
            enrolled.group.as_str(),
            enrolled.parent.as_ref().map(DatabaseId::as_str),
            kept.upstream.as_str(),
            kept.credential.reveal(),
            kept.code_hash.0,
            epoch.as_uuid().as_bytes(),
        ],
    )?;
    connection.execute("DELETE FROM enrolment", [])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_url_of_an_upstream_is_kept_without_its_last_slash() {
        for (text, base) in [
            (" https://hq.example.com/ ", "https://hq.example.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://hq.example.com/tills//", "https://hq.example.com/tills"),
            ("http://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(UpstreamUrl::parse(text).expect("a base URL").as_str(), base);
        }
    }

    #[test]
    fn what_no_route_can_be_appended_to_is_no_upstream() {
        for text in [
            "",
            "hq.example.com",
            "ftp://hq.example.com",
            "https://",
            "https:///path",
            "https://:80",
            "https://hq:80x",
            "https://hq:65536",
            "https://?hq",
            "https://hq.example.com?tenant=1",
            "https://hq.example.com/#part",
            "https://ann:geheim@hq.example.com",
            "https://hq example.com",
            "https://hq\u{0}",
            "https://hq^",
            "https://[::1",
        ] {
            assert_eq!(UpstreamUrl::parse(text), Err(BadUpstreamUrl), "{text:?}");
        }
    }
}
