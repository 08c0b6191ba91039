//! What headquarters makes of uploaded sales and orders, without any edge: each test puts rows
//! into the inbox as an upload would have, and runs jobs.

mod items;
mod orders;
mod repair;
mod site;
mod validation;
mod waiting;
