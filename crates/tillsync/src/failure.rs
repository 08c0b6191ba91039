//! How a failed command reports: what happened, why, what to do, and the exit code.
//!
//! The one place that turns the kind of an error into a hint and an exit code.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use tillsync_domain::ids::{CustomerKey, TransactionNumber};
use tillsync_domain::kind::ErrorKind;
use tillsync_fleet::FleetError;

use crate::headquarters::database::{DatabaseError, hint_for, sqlstate_in};

/// What a command came to when nothing kept it from doing its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well.
    Good,
    /// It found what it was asked to look for: something is wrong, and was printed.
    Bad,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    hint: Option<&'static str>,
    error: anyhow::Error,
}

/// What commands themselves find wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// A data directory without headquarters.
    #[error(
        "there is no headquarters database in {} (looked for hq/hq.db and hq.db)",
        .0.display()
    )]
    NoHeadquarters(PathBuf),
    /// A data directory without packages, where the database is elsewhere.
    #[error(
        "there is no packages folder of headquarters in {} (looked for hq/packages and packages)",
        .0.display()
    )]
    NoPackages(PathBuf),
    /// A customer that no database of the data directory knows.
    #[error("neither headquarters nor any store or register in this folder knows customer {0}")]
    UnknownCustomer(CustomerKey),
    /// A sale or an order that has not arrived.
    #[error(
        "headquarters knows no sale or order {0}; if a till shows it, its store has not uploaded \
         it yet"
    )]
    UnknownTransaction(TransactionNumber),
    /// The number of a sale.
    #[error("{0} is no customer order; `tillsync transaction show` shows sales")]
    NotAnOrder(TransactionNumber),
    /// A statement that is not there.
    #[error("there is no statement {0}; `tillsync statement list` shows them")]
    UnknownStatement(String),
    /// Arguments that do not make sense together or by themselves.
    #[error("{0}")]
    Usage(String),
    /// A demo over a kept one.
    #[error("{} already holds databases", .0.display())]
    NotEmpty(PathBuf),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A file or folder.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done, to be read before the path.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Something of the process itself, such as its threads.
    #[error("{doing}")]
    Process {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl CommandError {
    fn kind(&self) -> ErrorKind {
        match self {
            CommandError::NoHeadquarters(_)
            | CommandError::NoPackages(_)
            | CommandError::UnknownCustomer(_)
            | CommandError::UnknownTransaction(_)
            | CommandError::NotAnOrder(_)
            | CommandError::UnknownStatement(_) => ErrorKind::NotFound,
            CommandError::Usage(_) => ErrorKind::Invalid,
            CommandError::NotEmpty(_) => ErrorKind::Conflict,
            CommandError::Interrupted => ErrorKind::Busy,
            CommandError::File { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            CommandError::File { .. } | CommandError::Process { .. } => ErrorKind::Broken,
        }
    }
}

macro_rules! failures {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Failure { kind: error.kind(), hint: None, error: error.into() }
            }
        })+
    };
}

failures!(
    CommandError,
    crate::demo::input::InputError,
    crate::item_file::ItemFileError,
    tillsync_channel::DbError,
    tillsync_channel_web::ServeError,
    tillsync_channel_web::SetupError,
    tillsync_hq::PackageStoreError,
    tillsync_hq::access::AccessError,
    tillsync_hq::copy::CopyError,
    tillsync_hq::default_customers::DefaultCustomerError,
    tillsync_hq::distribution::DistributionError,
    tillsync_hq::exclusion::ExclusionError,
    tillsync_hq::history::HistoryError,
    tillsync_hq::items::ItemError,
    tillsync_hq::jobs::JobError,
    tillsync_hq::jobs::ScheduleError,
    tillsync_hq::offline_profiles::OfflineProfileError,
    tillsync_hq::operations::OperationError,
    tillsync_hq::parameters::ParameterError,
    tillsync_hq::profiles::ProfileError,
    tillsync_hq::features::FeatureError,
    tillsync_hq::configuration::ConfigurationError,
    tillsync_channel::offline::SwitchError,
    tillsync_channel::edge::OpenError,
    tillsync_hq::recovery::RecoveryError,
    tillsync_hq::repair_transactions::RepairError,
    tillsync_hq::sequences::SequenceError,
    tillsync_hq::staff::StaffError,
    tillsync_hq::statements::StatementError,
    tillsync_hq::storage::StorageError,
    tillsync_hq::synchronize_orders::SynchronizeError,
    tillsync_hq::trace::TraceError,
    tillsync_hq::validate::ValidateError,
    tillsync_hq_web::ServeError,
);

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Failure { kind: error.kind(), hint: Some(error.hint()), error: error.into() }
    }
}

impl From<FleetError> for Failure {
    fn from(error: FleetError) -> Self {
        Failure { kind: error.kind(), hint: error.hint(), error: error.into() }
    }
}

impl Failure {
    /// The report for people.
    pub(crate) fn report(&self) -> String {
        let mut report = format!("error: {}\n", self.error);
        let mut cause: Option<&(dyn Error + 'static)> = self.error.source();
        while let Some(error) = cause {
            writeln!(report, "  because: {error}").expect("a string takes every text");
            cause = error.source();
        }
        report + "hint: " + self.hint() + "\n"
    }

    /// What a database server answered says most, then the error itself, then its kind.
    fn hint(&self) -> &'static str {
        let answered = sqlstate_in(self.error.as_ref()).and_then(|state| hint_for(&state));
        answered.or(self.hint).unwrap_or_else(|| hint_of(self.kind))
    }

    /// 2 for what will fail again unless it is typed differently, 1 for everything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.kind {
            ErrorKind::Invalid => ExitCode::from(2),
            ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Forbidden
            | ErrorKind::Busy
            | ErrorKind::Broken => ExitCode::from(1),
        }
    }
}

fn hint_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "correct what was given; --help shows an example",
        ErrorKind::NotFound => {
            "check the name and --data-dir; `customer find` and the `list` commands show what \
             there is"
        }
        ErrorKind::Conflict => {
            "look at how it stands (`customer show`, `session show`, `order show`, `statement \
             show`, another --data-dir) and decide what should be"
        }
        ErrorKind::Forbidden => {
            "ask headquarters for a new activation code (`tillsync hq activation-code ID`) or \
             token, and enrol again"
        }
        ErrorKind::Busy => "try again in a moment; nothing was lost and nothing is half done",
        ErrorKind::Broken => {
            "check free disk space and the permissions of the data directory, then run \
             `tillsync doctor --data-dir DIR`"
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_report_says_what_happened_why_and_what_to_do() {
        let source = io::Error::from(io::ErrorKind::StorageFull);
        let error = CommandError::File { doing: "write", path: "/data/x".into(), source };
        let report = Failure::from(error).report();
        expect![[r#"
            error: write /data/x
              because: no storage space
            hint: check free disk space
        "#]]
        .assert_eq(
            &(report.split(" and the permissions").next().unwrap_or_default().to_owned() + "\n"),
        );
    }

    #[test]
    fn only_wrong_input_exits_with_two() {
        let invalid = Failure::from(CommandError::Usage("no".into()));
        let missing = Failure::from(CommandError::NoHeadquarters("/data".into()));
        assert_eq!(invalid.exit_code(), ExitCode::from(2));
        assert_eq!(missing.exit_code(), ExitCode::from(1));
    }
}
