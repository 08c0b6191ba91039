//! Number sequences: how account numbers are spelled and how many are left (F111, F112).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::number_sequence::{NumberFormat, NumberSequence, SequenceChange};
use tillsync_hq::storage::SequenceName;
use utoipa::ToSchema;

use crate::app::App;
use crate::input::{Body, Segment, parse};
use crate::refusal::HttpError;

/// Whether numbers may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SequenceMode {
    /// Gapless.
    Continuous,
    /// Taken ahead in blocks of this size; a crash may leave a gap, never a repeat.
    Blocks(u32),
}

/// A number sequence as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sequence {
    /// Its name.
    pub name: String,
    /// How numbers are spelled: `#` a digit, `&` a letter.
    pub format: String,
    /// Whether numbers may be lost.
    pub mode: SequenceMode,
    /// The next number.
    pub next: u64,
    /// The last number that may be given.
    pub largest: u64,
    /// How many are left.
    pub remaining: u64,
}

/// What to change; absent parts stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SequencePatch {
    /// Another spelling.
    #[serde(default)]
    pub format: Option<String>,
    /// Gapless or in blocks.
    #[serde(default)]
    pub mode: Option<SequenceMode>,
    /// A later start.
    #[serde(default)]
    pub next: Option<u64>,
    /// Another end.
    #[serde(default)]
    pub largest: Option<u64>,
}

/// Shows a number sequence.
#[utoipa::path(get, path = "/api/v1/number-sequences/{name}", tag = "number sequences",
    params(("name" = String, Path, description = "such as customer-account or sales-order")),
    responses((status = 200, body = Sequence)))]
pub(crate) async fn show_sequence(
    State(app): State<Arc<App>>,
    Segment(name): Segment<String>,
) -> Result<Json<Sequence>, HttpError> {
    let name = named(&name)?;
    let sequence = app.run(move |hq| hq.show_sequence(name)).await?;
    Ok(Json(Sequence::of(name, &sequence)))
}

/// Changes a number sequence. What waits for a number is promoted at once.
#[utoipa::path(patch, path = "/api/v1/number-sequences/{name}", tag = "number sequences",
    params(("name" = String, Path, description = "such as customer-account or sales-order")),
    request_body = SequencePatch,
    responses((status = 200, body = Sequence)))]
pub(crate) async fn change_sequence(
    State(app): State<Arc<App>>,
    Segment(name): Segment<String>,
    Body(patch): Body<SequencePatch>,
) -> Result<Json<Sequence>, HttpError> {
    let name = named(&name)?;
    let format: Option<NumberFormat> = patch.format.as_deref().map(parse).transpose()?;
    let change = SequenceChange {
        format,
        mode: patch.mode.map(Into::into),
        next: patch.next,
        largest: patch.largest,
    };
    let sequence = app.run(move |hq| hq.change_sequence(name, &change)).await?;
    Ok(Json(Sequence::of(name, &sequence)))
}

fn named(text: &str) -> Result<SequenceName, HttpError> {
    let found = SequenceName::ALL.into_iter().find(|name| name.as_str() == text);
    found.ok_or_else(|| {
        HttpError::new(
            ErrorKind::NotFound,
            "there is no such number sequence; they are customer-account, party, sales-order, \
             invoice, voucher and statement",
        )
    })
}

impl Sequence {
    fn of(name: SequenceName, sequence: &NumberSequence) -> Self {
        Sequence {
            name: name.as_str().to_owned(),
            format: sequence.format.to_string(),
            mode: sequence.mode.into(),
            next: sequence.next,
            largest: sequence.largest,
            remaining: sequence.remaining(),
        }
    }
}

type Mode = tillsync_domain::number_sequence::SequenceMode;

impl From<Mode> for SequenceMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Continuous => SequenceMode::Continuous,
            Mode::Blocks { size } => SequenceMode::Blocks(size),
        }
    }
}

impl From<SequenceMode> for Mode {
    fn from(mode: SequenceMode) -> Self {
        match mode {
            SequenceMode::Continuous => Mode::Continuous,
            SequenceMode::Blocks(size) => Mode::Blocks { size },
        }
    }
}
