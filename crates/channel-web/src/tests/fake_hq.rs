//! The exchange end of a headquarters, as small as it can be: acknowledges, offers, counts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use tillsync_domain::ids::{Counter, CustomerGuid, EpochId, GroupId, PackageId, SessionId};
use tillsync_domain::job::JobName;
use tillsync_domain::operation::Watermark;
use tillsync_domain::profile::FunctionalityProfile;
use tillsync_exchange::messages::{
    DatabaseKind, DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, ExchangeMode,
    Hello, MANIFEST_HEADER, Offer, Poll, PollAnswer, Refusal, UploadReceipt, Welcome,
};
use tillsync_exchange::package::{
    Manifest, PackageContents, PackageReader, PackageWriter, Scope, Span,
};
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer};
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::download::CustomerRow;
use tillsync_exchange::rows::item::{ItemRow, PriceRow};
use tillsync_exchange::rows::log::LogRow;
use tillsync_exchange::rows::profile::ProfileRow;
use tillsync_exchange::rows::staff::StaffRow;
use uuid::Uuid;

#[derive(Default)]
pub(super) struct Desk {
    pub(super) credentials: Vec<String>,
    pub(super) inbox: Vec<LogRow>,
    pub(super) watermarks: HashMap<EpochId, Watermark>,
    pub(super) offers: HashMap<String, Vec<Offer>>,
    pub(super) packages: HashMap<String, Vec<u8>>,
    pub(super) fetches: Vec<String>,
    pub(super) reports: Vec<DownloadReport>,
    /// Calls that arrived, whatever they were answered.
    pub(super) calls: Vec<CreateCustomerCall>,
    pub(super) call_answer: CallAnswer,
    /// Accounts by GUID, in the order of creation.
    pub(super) accounts: Vec<CustomerGuid>,
}

/// What calls come to.
#[derive(Debug, Clone, Default)]
pub(super) enum CallAnswer {
    /// The customer, created once.
    #[default]
    Created,
    /// It is created, but the answer says nothing.
    Garbled,
    /// It is created, but no answer comes.
    Silence,
    /// This status and body.
    Other(u16, serde_json::Value),
}

pub(super) struct FakeHq {
    pub(super) address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl FakeHq {
    pub(super) fn start() -> Self {
        let desk = Arc::new(Mutex::new(Desk::default()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .route("/exchange/v1/enrol", post(enrol))
            .route("/exchange/v1/hello", post(hello))
            .route("/exchange/v1/uploads", post(upload))
            .route("/exchange/v1/poll", post(poll))
            .route("/exchange/v1/packages/{id}", get(package))
            .route("/exchange/v1/downloads/{session}", post(report))
            .route("/realtime/v1/customers", post(create_customer))
            .with_state(Arc::clone(&desk));
        runtime.spawn(async move { axum::serve(listener, router).await });
        FakeHq { address, desk, runtime: Some(runtime) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("no test panics while it holds this")
    }

    /// Goes away: from now on nobody answers at its address.
    pub(super) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for FakeHq {
    fn drop(&mut self) {
        self.stop();
    }
}

type Shared = State<Arc<Mutex<Desk>>>;

/// The code of a database is its name; `S1.R1` is a register of `S1`.
async fn enrol(
    State(desk): Shared,
    Json(request): Json<EnrolRequest>,
) -> Result<Json<Enrolled>, (StatusCode, Json<Refusal>)> {
    let database = request.code.parse().map_err(|_| {
        let (code, message) = ("forbidden".to_owned(), "no such code".to_owned());
        let refusal = Refusal { code, message, watermark: None, fields: Vec::new() };
        (StatusCode::FORBIDDEN, Json(refusal))
    })?;
    desk.lock().expect("no panic").credentials.push(request.credential_hash.to_string());
    let parent = request.code.split_once('.').map(|(parent, _)| parent.parse().expect("an id"));
    let kind = match parent {
        Some(_) => DatabaseKind::Register,
        None => DatabaseKind::Channel,
    };
    Ok(Json(Enrolled { database, kind, group: group(), parent }))
}

async fn hello(State(desk): Shared, Json(hello): Json<Hello>) -> Json<Welcome> {
    let desk = desk.lock().expect("no panic");
    let watermark = desk.watermarks.get(&hello.epoch).copied();
    let watermark = watermark.unwrap_or(Watermark::start(hello.epoch)).into();
    Json(Welcome { protocol: 1, watermark, mode: ExchangeMode::Live, now: Timestamp::UNIX_EPOCH })
}

async fn upload(State(desk): Shared, headers: HeaderMap, body: Bytes) -> Json<UploadReceipt> {
    let manifest: Manifest =
        serde_json::from_slice(headers[MANIFEST_HEADER].as_bytes()).expect("a manifest");
    let Span::Upload { epoch, .. } = manifest.span else { panic!("an upload") };
    let mut desk = desk.lock().expect("no panic");
    let mut reader = PackageReader::new(&body[..], &manifest).expect("opens");
    let (mut inserted, mut repeated) = (0, 0);
    while let Some(line) = reader.next_line().expect("reads") {
        let row = LogRow::read(&line).expect("a row");
        let (counter, entry) = (Counter(row.counter()), Some(row.id()));
        desk.watermarks.insert(epoch, Watermark { epoch, counter, entry });
        if desk.inbox.iter().any(|known| known.id() == row.id()) {
            repeated += 1;
        } else {
            desk.inbox.push(row);
            inserted += 1;
        }
    }
    let watermark = desk.watermarks[&epoch].into();
    Json(UploadReceipt { watermark, inserted, repeated, quarantined: 0 })
}

async fn create_customer(
    State(desk): Shared,
    headers: HeaderMap,
    Json(call): Json<CreateCustomerCall>,
) -> Result<Json<CreatedCustomer>, (StatusCode, String)> {
    assert!(headers.contains_key("authorization"), "a device calls");
    let (creation, answer) = {
        let mut desk = desk.lock().expect("no panic");
        desk.calls.push(call.clone());
        (call.operations[0].clone(), desk.call_answer.clone())
    };
    if let CallAnswer::Other(status, body) = answer {
        let status = StatusCode::from_u16(status).expect("a status");
        return Err((status, body.to_string()));
    }
    let number = {
        let mut desk = desk.lock().expect("no panic");
        if !desk.accounts.contains(&creation.customer) {
            desk.accounts.push(creation.customer);
        }
        desk.accounts.iter().position(|known| *known == creation.customer).expect("is there")
    };
    if matches!(answer, CallAnswer::Silence) {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    if matches!(answer, CallAnswer::Garbled) {
        return Err((StatusCode::OK, "{\"customer\":".to_owned()));
    }
    let customer = CustomerRow {
        guid: creation.customer,
        account: format!("C-{number:05}"),
        party_number: format!("P-{number:05}"),
        created_at: creation.created_at,
        version: 100 + number as u64,
        content: serde_json::from_str(creation.content.get()).expect("a customer"),
    };
    Ok(Json(CreatedCustomer { customer, addresses: Vec::new(), now: Timestamp::UNIX_EPOCH }))
}

async fn poll(State(desk): Shared, Json(poll): Json<Poll>) -> Json<PollAnswer> {
    for _ in 0..20 {
        let offers = desk.lock().expect("no panic").offers.get(poll.database.as_str()).cloned();
        if let Some(offers) = offers.filter(|offers| !offers.is_empty()) {
            return Json(PollAnswer {
                mode: ExchangeMode::Live,
                pull: 0,
                offers,
                testify: None,
                revoked: None,
            });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Json(PollAnswer {
        mode: ExchangeMode::Live,
        pull: 0,
        offers: Vec::new(),
        testify: None,
        revoked: None,
    })
}

#[derive(serde::Deserialize)]
struct For {
    database: String,
}

async fn package(
    State(desk): Shared,
    Path(id): Path<String>,
    Query(params): Query<For>,
) -> Result<Vec<u8>, StatusCode> {
    let mut desk = desk.lock().expect("no panic");
    desk.fetches.push(params.database);
    desk.packages.get(&id).cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn report(
    State(desk): Shared,
    Path(session): Path<String>,
    Json(report): Json<DownloadReport>,
) -> Json<DownloadReportAnswer> {
    let mut desk = desk.lock().expect("no panic");
    if report.result == tillsync_exchange::messages::DownloadResult::Applied
        && let Some(offers) = desk.offers.get_mut(report.database.as_str())
    {
        offers.retain(|offer| offer.session.to_string() != session);
    }
    desk.reports.push(report);
    Json(DownloadReportAnswer { status: "noted".to_owned() })
}

impl FakeHq {
    /// Offers coffee at 9.99 with 25.5 % tax to these databases, in one package.
    pub(super) fn offer_items(&self, databases: &[&str]) {
        let decimal = |text: &str| text.parse().expect("a number");
        let number: tillsync_domain::ids::ItemNumber = "coffee".parse().expect("an item");
        let item = ItemRow {
            number: number.clone(),
            name: "Coffee".to_owned(),
            tax_rate: decimal("25.5"),
            is_active: true,
            version: 1,
        };
        let currency = "EUR".parse().expect("a currency");
        let price = PriceRow { item: number, currency, price: Some(decimal("9.99")), version: 1 };
        let mut writer = PackageWriter::new(Vec::new()).expect("a writer");
        writer.row(Table::Item, &item).expect("a row");
        writer.row(Table::Price, &price).expect("a row");
        let package = writer.finish().expect("a package");
        self.offer(JobName::Products1040, package, databases);
    }

    /// Offers a profile for S1 to these databases, in one package.
    pub(super) fn offer_profile(&self, options: FunctionalityProfile, databases: &[&str]) {
        let row = ProfileRow {
            channel: "S1".parse().expect("a database id"),
            profile: "stores".to_owned(),
            options: options.into(),
            version: 5,
        };
        let mut writer = PackageWriter::new(Vec::new()).expect("a writer");
        writer.row(Table::Profile, &row).expect("a row");
        let package = writer.finish().expect("a package");
        self.offer(JobName::ChannelConfiguration1070, package, databases);
    }

    /// Offers staff to these databases, in one package.
    pub(super) fn offer_staff(&self, staff: &[StaffRow], databases: &[&str]) {
        let mut writer = PackageWriter::new(Vec::new()).expect("a writer");
        for row in staff {
            writer.row(Table::Staff, row).expect("a row");
        }
        let package = writer.finish().expect("a package");
        self.offer(JobName::Staff1060, package, databases);
    }

    /// Offers a package to databases, with a session for each.
    pub(super) fn offer(
        &self,
        job: JobName,
        (bytes, contents): (Vec<u8>, PackageContents),
        databases: &[&str],
    ) {
        let span = Span::Download { group: group(), job, scope: Scope::Delta, from: 0, to: 5 };
        let mut desk = self.desk();
        let package = desk.packages.len() as u128 + 1;
        let id = PackageId::from_uuid(Uuid::from_u128(package));
        let manifest = Manifest::new(id, Timestamp::UNIX_EPOCH, span, contents);
        desk.packages.insert(id.to_string(), bytes);
        for (number, database) in databases.iter().enumerate() {
            let session = package * 100 + number as u128;
            let session = SessionId::from_uuid(Uuid::from_u128(session));
            let offer = Offer { session, manifest: manifest.clone(), sequence: None };
            desk.offers.entry((*database).to_owned()).or_default().push(offer);
        }
    }
}

pub(super) fn group() -> GroupId {
    "shops".parse().expect("a group")
}
