//! What a database and its upstream say to each other, besides packages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::customer::Violation;
use tillsync_domain::ids::{
    Counter, CustomerGuid, DatabaseId, EntryId, EpochId, GroupId, RecoveryId, SessionId,
};
use tillsync_domain::operation::Watermark;

use crate::device::SecretHash;
use crate::package::Manifest;
use crate::text;
use crate::version::ProtocolRange;

/// The header that carries an upload's manifest as one line of ASCII JSON.
pub const MANIFEST_HEADER: &str = "tillsync-manifest";

/// The longest a poll may wait, in milliseconds.
pub const POLL_WAIT_MS_MAX: u64 = 25_000;

/// Whether changes travel at once or when a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeMode {
    /// An operation travels up, is promoted and comes back within a second.
    #[default]
    Live,
    /// Recurring jobs, as in the reference system.
    Scheduled,
}

/// `POST /exchange/v1/enrol`: redeems an activation code.
///
/// The device draws its own credential and sends only the hash, so a repeated request with the
/// same hash gets the same answer when the first one was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The code as typed.
    pub code: String,
    /// The hash of the credential that the device will present.
    #[serde(with = "text")]
    pub credential_hash: SecretHash,
    /// What the device speaks.
    pub protocol: ProtocolRange,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseKind {
    /// A store's or web shop's channel database.
    Channel,
    /// A register's offline database; reaches headquarters only through its channel.
    Register,
}

/// The answer to [`EnrolRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The name that headquarters gave the database.
    #[serde(with = "text")]
    pub database: DatabaseId,
    /// What it is.
    pub kind: DatabaseKind,
    /// The channel database group.
    #[serde(with = "text")]
    pub group: GroupId,
    /// The channel of a register.
    #[serde(with = "text::option", default)]
    pub parent: Option<DatabaseId>,
}

/// `POST /exchange/v1/hello`: opens a conversation and asks how far the upstream has received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// What the sender speaks.
    pub protocol: ProtocolRange,
    /// The incarnation of the sender's database.
    #[serde(with = "text")]
    pub epoch: EpochId,
    /// How far the sender believes this epoch to have been received. An upstream that stands
    /// behind it has forgotten something (F64). Absent from senders of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<WatermarkMessage>,
}

/// The answer to [`Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol version to speak.
    pub protocol: u32,
    /// How far this epoch has been received.
    pub watermark: WatermarkMessage,
    /// Whether to send at once.
    pub mode: ExchangeMode,
    /// The upstream's clock, to notice skew.
    pub now: Timestamp,
}

/// A [`Watermark`] on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatermarkMessage {
    /// The epoch it counts.
    #[serde(with = "text")]
    pub epoch: EpochId,
    /// The highest counter received without a gap.
    pub counter: u64,
    /// The log entry at that counter.
    #[serde(with = "text::option", default)]
    pub entry: Option<EntryId>,
}

impl From<Watermark> for WatermarkMessage {
    fn from(watermark: Watermark) -> Self {
        let Watermark { epoch, counter, entry } = watermark;
        WatermarkMessage { epoch, counter: counter.0, entry }
    }
}

impl From<WatermarkMessage> for Watermark {
    fn from(message: WatermarkMessage) -> Self {
        let WatermarkMessage { epoch, counter, entry } = message;
        Watermark { epoch, counter: Counter(counter), entry }
    }
}

/// The answer to `POST /exchange/v1/uploads`: the package is durable upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadReceipt {
    /// How far the epoch has been received now.
    pub watermark: WatermarkMessage,
    /// Entries that were new.
    pub inserted: u64,
    /// Entries that were known already, with the same content.
    pub repeated: u64,
    /// Entries whose id or number was known with other content; set aside, nothing overwritten
    /// (F115).
    pub quarantined: u64,
}

/// `POST /exchange/v1/poll`: asks for packages and directives, and says how the database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// For which database; a channel may ask for its registers.
    #[serde(with = "text")]
    pub database: DatabaseId,
    /// How long the upstream may hold the answer back when there is nothing, in milliseconds.
    pub wait_ms: u64,
    /// The number of the last pull that the database has answered.
    pub pulled: u64,
    /// The download session it applied last. A database that names an older one than headquarters
    /// knows was restored from a copy and starts from a snapshot; one that names a newer one proves
    /// that headquarters was restored (F64).
    #[serde(with = "text::option", default)]
    pub applied: Option<SessionId>,
    /// The highest version that it has learnt from headquarters, zero when none. Absent from
    /// databases of older versions, which cannot testify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learnt: Option<u64>,
    /// A page of what headquarters asked it for by [`PollAnswer::testify`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub testimony: Option<Testimony>,
    /// The registers of this channel that it refuses because headquarters has revoked them; a
    /// change is answered at once. Absent from registers, and from channels of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Vec<RegisterName>>,
    /// The mode the database is in; a change is answered at once.
    pub mode: ExchangeMode,
    /// How the database is.
    pub health: DatabaseHealth,
}

/// How a database is, for the fleet page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseHealth {
    /// Customers in the database that have no account yet.
    pub pending: u64,
    /// When the oldest of them was created.
    pub oldest_pending_at: Option<Timestamp>,
    /// Log entries recorded but not yet received upstream.
    pub unsent: u64,
    /// The database's clock.
    pub now: Timestamp,
}

/// The answer to [`Poll`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PollAnswer {
    /// The mode to be in.
    pub mode: ExchangeMode,
    /// The number of the latest pull: when higher than the last answered, send everything now.
    pub pull: u64,
    /// The packages to apply, in order.
    pub offers: Vec<Offer>,
    /// Headquarters was restored and asks what the database has learnt from it: the next poll
    /// brings a page of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub testify: Option<Testify>,
    /// All registers of the channel that are revoked, where it has said which it knows of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Vec<RegisterName>>,
}

/// The name of a register in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegisterName(#[serde(with = "text")] pub DatabaseId);

/// The most customers on one page of testimony: a poll is a small message.
pub const TESTIMONY_CUSTOMERS_MAX: usize = 250;

/// Which page of testimony headquarters wants next. It alone keeps how far a database has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Testify {
    /// For which recovery.
    #[serde(with = "text")]
    pub recovery: RecoveryId,
    /// Only customers whose version is higher.
    pub versions_after: u64,
    /// Where the page begins, as the page before said; zero for the first.
    pub page_after: u64,
}

/// A page of what a database has learnt from headquarters (F64).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Testimony {
    /// What it answers.
    pub asked: Testify,
    /// Where the next page begins, in terms of the database; absent on the last one.
    #[serde(default)]
    pub next_after: Option<u64>,
    /// Customers that have an account.
    pub customers: Vec<TestifiedCustomer>,
    /// The highest version among all its customers and their addresses.
    pub customers_version: u64,
    /// The highest version among all its items and prices.
    pub items_version: u64,
    /// How far it believes its present epoch to have been received; absent for registers, whose
    /// channels receive them.
    #[serde(default)]
    pub acknowledged: Option<WatermarkMessage>,
}

/// A customer as headquarters sent it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestifiedCustomer {
    /// Its temporary account.
    #[serde(with = "text")]
    pub guid: CustomerGuid,
    /// Its permanent one.
    pub account: String,
    /// The number of its party.
    #[serde(default)]
    pub party_number: Option<String>,
    /// The version of its row.
    pub version: u64,
}

/// One package that a database should fetch and apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The session to report on.
    #[serde(with = "text")]
    pub session: SessionId,
    /// What to fetch, and how to check it.
    pub manifest: Manifest,
    /// The place of the package among those of its job and group. A delta goes on behind the one
    /// with the number before it; a snapshot stands for everything up to its own. Absent from
    /// upstreams of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
}

/// How a download went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadResult {
    /// The package is here and its digest is right.
    Downloaded,
    /// It is written.
    Applied,
    /// It could not be fetched, or its digest was wrong.
    DownloadFailed,
    /// It could not be written.
    ApplyFailed,
}

/// `POST /exchange/v1/downloads/{session}`: says how a download went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadReport {
    /// For which database; a channel reports for its registers.
    #[serde(with = "text")]
    pub database: DatabaseId,
    /// How it went.
    pub result: DownloadResult,
    /// What went wrong, for the person who looks at the session; no customer data.
    #[serde(default)]
    pub error: Option<String>,
}

/// The answer to [`DownloadReport`]: the status the session has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadReportAnswer {
    /// The session's status, as people read it.
    pub status: String,
}

/// Any refusal, on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind of the error (`invalid`, `not_found`, `conflict`, `forbidden`, `busy`, `broken`).
    pub code: String,
    /// What happened, why, and what to do.
    pub message: String,
    /// On an upload that does not continue where the upstream stands: where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<WatermarkMessage>,
    /// The fields that were refused, where it is fields; an older sender names them in its
    /// message only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<RefusedField>,
}

/// One field that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedField {
    /// Its path in the request, such as `Addresses[1].Street`.
    pub field: String,
    /// Why, and what to do.
    pub message: String,
}

impl From<&Violation> for RefusedField {
    fn from(violation: &Violation) -> Self {
        RefusedField { field: violation.path(), message: violation.rule.to_string() }
    }
}
