//! The servers' common part over real sockets: encryption, patience, limits.

mod attempts;
mod authority;
mod bounds;
mod certificates;
mod site;
