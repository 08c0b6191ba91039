//! Stories of one edge and its upstream, without a socket and without a clock.

mod download;
mod exchange_loop;
mod fake_upstream;
mod record;
mod register;
mod upload;
mod world;
