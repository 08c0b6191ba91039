//! Stories of one edge and its upstream.
