//! What is set for a channel and its registers, and what each of their databases has applied of it.
//!
//! It reads what the owners of the options keep; it must never change anything.

use jiff::Timestamp;
use tillsync_domain::ids::{DatabaseId, SessionId, Version};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::offline_profile::OfflineOption;
use tillsync_domain::profile::{FunctionalityProfile, ProfileOption};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::session::DownloadStatus;

use crate::headquarters::Headquarters;
use crate::storage::{ProfileSelection, ReadTx, RegisterProfile, SessionFilter, StorageError};

/// The jobs that bring configuration.
const JOBS: [JobName; 3] =
    [JobName::ChannelConfiguration1070, JobName::GlobalConfiguration1110, JobName::Registers1090];

/// How many applied sessions of a database are looked through for the last of each job.
const SESSIONS_LOOK: usize = 200;

/// Why a configuration is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// No such database.
    #[error("there is no channel or register {0}; `tillsync hq add-channel` adds a channel")]
    UnknownDatabase(DatabaseId),
    /// The database failed.
    #[error("read the configuration")]
    Storage(#[from] StorageError),
}

impl ConfigurationError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ConfigurationError::UnknownDatabase(_) => ErrorKind::NotFound,
            ConfigurationError::Storage(error) => error.kind(),
        }
    }
}

/// What is set for one database, and what it has applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConfiguration {
    /// The database.
    pub database: DatabaseId,
    /// Channel or register.
    pub kind: DatabaseKind,
    /// What is set for it; nothing of a job that is not in force.
    pub options: Vec<SetOption>,
    /// How far it has applied the jobs that bring configuration and are in force.
    pub jobs: Vec<AppliedJob>,
}

/// One option as it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOption {
    /// Its name.
    pub option: String,
    /// What is set.
    pub value: String,
    /// The job that brings it.
    pub job: JobName,
    /// Where it is set.
    pub from: String,
    /// The version of the change log in which it was set last.
    pub version: Version,
}

/// How far a database has applied a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedJob {
    /// The job.
    pub job: JobName,
    /// The version in which something that it brings to this database was set last.
    pub set: Version,
    /// The version up to which the database has applied it; absent when it has applied none.
    pub applied: Option<Version>,
    /// The last session that it applied, and when.
    pub session: Option<(SessionId, Option<Timestamp>)>,
}

impl AppliedJob {
    /// Whether the database works by something older.
    pub fn is_behind(&self) -> bool {
        self.applied.is_none_or(|applied| applied < self.set)
    }
}

impl Headquarters {
    /// What is set for a channel and for each of its registers, or for one register, and what each
    /// has applied.
    ///
    /// # Errors
    /// NotFound: no such database.
    pub fn show_configuration(
        &self,
        of: &DatabaseId,
    ) -> Result<Vec<DatabaseConfiguration>, ConfigurationError> {
        let found = self.storage.read(|tx| {
            let mut databases = tx.databases_all()?;
            databases.retain(|it| it.database.id == *of || it.database.parent.as_ref() == Some(of));
            databases
                .sort_unstable_by_key(|it| (it.database.parent.is_some(), it.database.id.clone()));
            let mut found = Vec::new();
            for record in databases {
                let (database, kind) = (record.database.id, record.database.kind);
                let channel = record.database.parent.unwrap_or_else(|| database.clone());
                let options = options_of(tx, &database, &channel)?;
                let jobs = jobs_of(tx, &database, &options)?;
                found.push(DatabaseConfiguration { database, kind, options, jobs });
            }
            Ok(found)
        })?;
        if found.is_empty() {
            return Err(ConfigurationError::UnknownDatabase(of.clone()));
        }
        Ok(found)
    }
}

fn options_of(
    tx: &mut dyn ReadTx,
    database: &DatabaseId,
    channel: &DatabaseId,
) -> Result<Vec<SetOption>, StorageError> {
    let mut options = Vec::new();
    for row in tx.channel_profiles(&ProfileSelection::default())? {
        if row.channel == *channel {
            let profile = FunctionalityProfile::from(row.options);
            options.extend(ProfileOption::ALL.map(|option| SetOption {
                option: option.to_string(),
                value: yes_no(option.of(&profile)),
                job: JobName::ChannelConfiguration1070,
                from: format!("profile {}", row.profile),
                version: Version(row.version),
            }));
        }
    }
    let mut features = tx.features_all()?;
    features.sort_unstable_by_key(|record| record.feature);
    options.extend(features.into_iter().map(|record| SetOption {
        option: record.feature.to_string(),
        value: yes_no(record.is_enabled),
        job: JobName::GlobalConfiguration1110,
        from: "global configuration".to_owned(),
        version: record.version,
    }));
    for register in tx.register_profiles(&ProfileSelection::default())? {
        if register.register == *database {
            options.extend(of_register(&register));
        }
    }
    Ok(options)
}

fn of_register(register: &RegisterProfile) -> [SetOption; 4] {
    let settings = &register.settings;
    [
        (OfflineOption::PauseOfflineSync, yes_no(settings.pause_offline_sync)),
        (OfflineOption::HealthCheckIntervalS, settings.health_check_interval_s.to_string()),
        (OfflineOption::RequestTimeoutMs, settings.request_timeout_ms.to_string()),
        (
            OfflineOption::AllowManualSwitchBeforeSignIn,
            yes_no(settings.allow_manual_switch_before_sign_in),
        ),
    ]
    .map(|(option, value)| SetOption {
        option: option.to_string(),
        value,
        job: JobName::Registers1090,
        from: format!("offline profile {}", register.profile),
        version: register.version,
    })
}

fn jobs_of(
    tx: &mut dyn ReadTx,
    database: &DatabaseId,
    options: &[SetOption],
) -> Result<Vec<AppliedJob>, StorageError> {
    let sessions = tx.sessions_list(&SessionFilter {
        database: Some(database.clone()),
        status: Some(DownloadStatus::Applied),
        before: None,
        limit: SESSIONS_LOOK,
    })?;
    let mut jobs = Vec::new();
    for job in JOBS {
        let of_job = options.iter().filter(|option| option.job == job);
        let Some(set) = of_job.map(|option| option.version).max() else { continue };
        let applied = tx.position_get(database, job)?.map(|position| position.version);
        let session = sessions.iter().find(|session| session.job == job);
        let session = session.map(|session| (session.id, session.applied_at));
        jobs.push(AppliedJob { job, set, applied, session });
    }
    Ok(jobs)
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}
