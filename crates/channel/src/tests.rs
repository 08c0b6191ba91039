//! Stories of one edge and its upstream, without a socket and without a clock.

mod counter;
mod creation;
mod document;
mod download;
mod exchange_loop;
mod fake_upstream;
mod feature;
mod items;
mod limits;
mod offline;
mod profile;
mod record;
mod register;
mod revoked;
mod search;
mod sell;
mod set_aside;
mod shift;
mod sign_in;
mod upload;
mod world;
