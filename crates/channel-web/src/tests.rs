//! The node over real sockets: the customer interface, the authorization table, a register that
//! hangs on its channel, and a small headquarters made for the purpose.

mod commerce;
mod connectivity;
mod creation;
mod csu;
mod fake_hq;
mod hostile;
mod node;
mod register;
mod sales_orders;
mod shifts;
mod sign_in;
mod table;
mod tls;
