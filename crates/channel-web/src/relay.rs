//! What a channel passes on for its registers, and what it remembers of it.
//!
//! Requests end here only where the channel itself is the receiver (`hello`, uploads); the rest
//! is headquarters' to decide. A register can ask only for itself.

use std::collections::HashMap;
use std::fs::File;
use std::io::Seek;
use std::sync::{Mutex, PoisonError};

use tillsync_channel::DbError;
use tillsync_channel::clients::remember_register;
use tillsync_channel::receive::ReceiveError;
use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::ids::{DatabaseId, PackageId, SessionId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::Watermark;
use tillsync_exchange::messages::{
    DatabaseKind, DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, POLL_WAIT_MS_MAX,
    Poll, PollAnswer,
};
use tillsync_exchange::package::Manifest;

use crate::app::App;

/// Why a register's request was not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    /// Headquarters cannot be reached or refused.
    #[error("{}", in_words(.0))]
    Upstream(#[from] UpstreamError),
    /// A register asked on behalf of somebody else.
    #[error("a register can ask for itself only, not for {0}")]
    OtherDatabase(DatabaseId),
    /// The code belongs elsewhere.
    #[error("the code is for {0}, which is no register of this channel; enrol it at its own")]
    NotOurs(DatabaseId),
    /// The channel's own receiving end refused.
    #[error("{0}")]
    Receive(#[from] ReceiveError),
    /// The database failed.
    #[error("look a register up")]
    Db(#[from] DbError),
}

impl RelayError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            RelayError::Upstream(error) => error.kind(),
            RelayError::OtherDatabase(_) => ErrorKind::Forbidden,
            RelayError::NotOurs(_) => ErrorKind::Conflict,
            RelayError::Receive(error) => error.kind(),
            RelayError::Db(error) => error.kind(),
        }
    }

    pub(crate) fn watermark(&self) -> Option<Watermark> {
        match self {
            RelayError::Receive(error) => error.watermark(),
            _ => None,
        }
    }
}

fn in_words(error: &UpstreamError) -> String {
    match error {
        UpstreamError::Unreachable(_) | UpstreamError::Slow(_) => {
            "the channel cannot reach headquarters now; it will be tried again".to_owned()
        }
        UpstreamError::Refused { message, .. } => message.clone(),
        UpstreamError::Sink(_) => "the channel cannot keep the package".to_owned(),
    }
}

/// What each register was offered last: it may fetch this from the cache.
#[derive(Default)]
pub(crate) struct Offers(Mutex<HashMap<DatabaseId, Vec<Manifest>>>);

impl Offers {
    fn remember(&self, register: &DatabaseId, answer: &PollAnswer) {
        let manifests = answer.offers.iter().map(|offer| offer.manifest.clone()).collect();
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        offers.insert(register.clone(), manifests);
    }

    fn manifest(&self, register: &DatabaseId, package: PackageId) -> Option<Manifest> {
        let offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        offers.get(register)?.iter().find(|manifest| manifest.id == package).cloned()
    }
}

/// Passes an activation code on, and remembers the register that it made known.
pub(crate) fn enrol_register(app: &App, request: &EnrolRequest) -> Result<Enrolled, RelayError> {
    let enrolled = app.upstream.enrol(request)?;
    let ours = &app.edge.identity().database;
    if enrolled.kind != DatabaseKind::Register || enrolled.parent.as_ref() != Some(ours) {
        return Err(RelayError::NotOurs(enrolled.database));
    }
    remember_register(app.edge.db(), &enrolled.database, request.credential_hash, app.now())?;
    Ok(enrolled)
}

/// Passes a register's poll on.
pub(crate) fn poll(
    app: &App,
    register: &DatabaseId,
    mut poll: Poll,
) -> Result<PollAnswer, RelayError> {
    for_itself(register, &poll.database)?;
    poll.wait_ms = poll.wait_ms.min(POLL_WAIT_MS_MAX);
    let answer = app.upstream.poll(&poll)?;
    app.offers.remember(register, &answer);
    Ok(answer)
}

/// Passes a register's report on.
pub(crate) fn report(
    app: &App,
    register: &DatabaseId,
    session: SessionId,
    report: &DownloadReport,
) -> Result<DownloadReportAnswer, RelayError> {
    for_itself(register, &report.database)?;
    Ok(app.upstream.report(session, report)?)
}

/// A package for a register: out of the cache when it was offered to it, else as headquarters
/// says.
pub(crate) fn open_package(
    app: &App,
    register: &DatabaseId,
    package: PackageId,
) -> Result<(File, u64), RelayError> {
    let file = match app.offers.manifest(register, package) {
        Some(manifest) => app
            .cache
            .open_package(&manifest, |sink| app.upstream.fetch_for(register, package, sink))?,
        // After a restart of the channel: the offer was made before it.
        None => {
            let mut file = app.cache.scratch_file().map_err(UpstreamError::Sink)?;
            app.upstream.fetch_for(register, package, &mut file)?;
            file.rewind().map_err(UpstreamError::Sink)?;
            file
        }
    };
    let bytes = file.metadata().map_err(UpstreamError::Sink)?.len();
    Ok((file, bytes))
}

fn for_itself(register: &DatabaseId, database: &DatabaseId) -> Result<(), RelayError> {
    if register == database { Ok(()) } else { Err(RelayError::OtherDatabase(database.clone())) }
}
