//! What holds for any product view, any submission and any sequence of events: tried on some thousands.

mod prices;
mod sequences;
