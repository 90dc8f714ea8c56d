//! Each meter is moved, and read back from `/metrics`.

mod moved;
mod secrets;
