//! What holds for any stock, any order and any sequence of events: tried on some thousands.

mod allocation;
mod sequences;
