//! Headquarters over HTTP: the exchange for channels, the API for operators, health and metrics.
//!
//! The only axum at headquarters. This crate decodes requests, asks a use case of `tillsync-hq`
//! and encodes the answer. It must never decide anything a use case decides, name a database
//! backend, send a domain type as it is, or hold a thread while a channel waits.
//!
//! [`routes::AUTHORIZATION`] is the one table of what can be reached and by whom.

pub mod api;
mod app;
mod auth;
mod exchange;
mod health;
mod input;
mod metrics;
mod openapi;
mod realtime;
mod refusal;
pub mod routes;
mod server;

pub use openapi::openapi_json;
pub use server::{PackageLinks, ServeError, ServeOptions, serve};
pub use tillsync_web::{Allowance, AttemptLimits, Entrance, PlainHttp, TlsFiles};
