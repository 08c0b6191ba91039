//! Calls that headquarters answers while somebody waits.
//!
//! They have a time-out of their own, and only what was refused in so many words counts as a
//! refusal: whatever else comes back may be a proxy's (F06, F07).

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tillsync_channel::upstream::UpstreamError;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::Refusal;

use super::{ANSWER_BYTES_MAX, HttpUpstream, kind_of, unreachable};

/// The longest wait for an answer when nothing else was asked for.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a call may take; asked before each of them.
#[derive(Clone)]
pub(super) struct WaitMax(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Default for WaitMax {
    fn default() -> Self {
        WaitMax(Arc::new(|| WAIT_MAX))
    }
}

impl HttpUpstream {
    /// The same with another wait for calls that somebody waits for: what may come from a profile
    /// is asked for before each call.
    pub fn waiting(self, wait_max: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        HttpUpstream { realtime_wait_max: WaitMax(Arc::new(wait_max)), ..self }
    }

    pub(super) fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        question: &Q,
    ) -> Result<A, UpstreamError> {
        let url = format!("{}/realtime/v1/{path}", self.base.as_str());
        let config = self.agent.post(url).config();
        let request = config.timeout_global(Some((self.realtime_wait_max.0)())).build();
        let answer = request.header("Authorization", self.bearer()).send_json(question);
        let mut response = answer.map_err(unreachable)?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(unreachable)?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|_| UpstreamError::Unreachable("its answer cannot be read".to_owned()));
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(Refusal { code, message, fields, .. }) if status.is_client_error() => {
                let (kind, watermark) = (kind_of(&code), None);
                Err(UpstreamError::Refused { kind, message, watermark, fields })
            }
            // Somebody is there who cannot say anything about it now, or knows no such call: a way
            // that works, and no refusal.
            Ok(Refusal { message, .. }) => {
                Err(not_answered(ErrorKind::Busy, format!("answered {status}: {message}")))
            }
            Err(_) if status.is_client_error() => {
                Err(not_answered(ErrorKind::Broken, format!("answered {status}")))
            }
            Err(_) => Err(UpstreamError::Unreachable(format!("answered {status}"))),
        }
    }
}

fn not_answered(kind: ErrorKind, message: String) -> UpstreamError {
    UpstreamError::Refused { kind, message, watermark: None, fields: Vec::new() }
}
