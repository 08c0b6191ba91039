//! Limits for addresses whose callers fail to show who they are.
//!
//! An activation code and a PIN are short and could be guessed: their attempts are counted before
//! they are looked at. A credential cannot be guessed; of those, only the failures count, so that a
//! good one is never held up by bad ones from the same address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::time::Instant;

use crate::Entrance;
use crate::attempts::Attempts;

/// Where a code is redeemed, at headquarters and at channels.
const ENROL: &str = "/exchange/v1/enrol";

/// Where staff sign in with their PINs, at channels and registers.
const SIGN_IN: &str = "/auth/token";

/// Who was asked for, by each proxy on the way.
const FORWARDED: &str = "x-forwarded-for";

/// Words a refusal the way that callers of a path expect; its status and when to come back are
/// set afterwards.
pub type RefuseMany = fn(path: &str, message: String) -> Response;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remote(pub(crate) IpAddr);

/// The limits of one server.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    enrolments: Attempts,
    credentials: Attempts,
    trusted_proxies: Vec<IpAddr>,
    refuse: RefuseMany,
}

impl Limits {
    /// Nobody has failed yet.
    pub fn new(entrance: &Entrance, refuse: RefuseMany) -> Self {
        let trusted = entrance.trusted_proxies.iter();
        Limits(Arc::new(Inner {
            enrolments: Attempts::new(entrance.attempts.enrolments),
            credentials: Attempts::new(entrance.attempts.credentials),
            trusted_proxies: trusted.map(IpAddr::to_canonical).collect(),
            refuse,
        }))
    }

    /// Holds every route of a router to the limits.
    pub fn over(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, count))
    }
}

async fn count(State(Limits(limits)): State<Limits>, request: Request, next: Next) -> Response {
    let Some(Remote(peer)) = request.extensions().get::<Remote>().copied() else {
        return next.run(request).await;
    };
    let from = origin(peer, request.headers(), &limits.trusted_proxies);
    let path = request.uri().path().to_owned();
    if path == ENROL {
        if let Err(wait) = limits.enrolments.take(from, Instant::now()) {
            return limits.refuse(&path, "activation codes", wait);
        }
        let answer = next.run(request).await;
        // Only the code is the caller's doing; an upstream that is away is not.
        if !answer.status().is_client_error() {
            limits.enrolments.give_back(from, Instant::now());
        }
        return answer;
    }
    if path == SIGN_IN {
        if let Err(wait) = limits.credentials.take(from, Instant::now()) {
            return limits.refuse(&path, "PINs", wait);
        }
        let answer = next.run(request).await;
        if answer.status() != StatusCode::UNAUTHORIZED {
            limits.credentials.give_back(from, Instant::now());
        }
        return answer;
    }
    let answer = next.run(request).await;
    if answer.status() == StatusCode::UNAUTHORIZED
        && let Err(wait) = limits.credentials.take(from, Instant::now())
    {
        return limits.refuse(&path, "credentials", wait);
    }
    answer
}

impl Inner {
    fn refuse(&self, path: &str, what: &str, wait: Duration) -> Response {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let message = format!(
            "too many {what} that are not good came from this address; try again in {seconds} s"
        );
        let mut response = (self.refuse)(path, message);
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
        response
    }
}

/// Where a request really comes from: the last address on its way that is no trusted proxy.
fn origin(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.contains(&address.to_canonical());
    if !is_trusted(peer) {
        return peer;
    }
    let said: Vec<&str> = headers
        .get_all(FORWARDED)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    // What a proxy cannot have written is the caller's invention, and so is all before it.
    let addresses = said.iter().rev().map_while(|text| text.trim().parse::<IpAddr>().ok());
    let mut last = peer;
    for address in addresses {
        last = address;
        if !is_trusted(address) {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_a_trusted_proxy_may_say_where_a_request_comes_from() {
        let trusted = [address("10.0.0.1"), address("10.0.0.2")];
        for (peer, said, expected) in [
            ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "not an address", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9, nonsense, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "", "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(FORWARDED, HeaderValue::from_static(said));
            let found = origin(address(peer), &headers, &trusted);
            assert_eq!(found, address(expected), "{peer} says {said:?}");
        }
        assert_eq!(origin(address("10.0.0.1"), &HeaderMap::new(), &trusted), trusted[0]);
    }
}
