//! Each meter is moved, and read back from `/metrics`.

mod deploy;
mod moved;
mod push;
mod secrets;
