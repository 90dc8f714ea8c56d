//! Text that strangers write, and text that is shown. Pure: no I/O.
//!
//! - [`name`]: which names may come in. Two names that look the same are the same, and no character is invisible.
//! - [`escape`]: how text goes out. No character reaches a terminal, a log or a page that a reader cannot see, or that
//!   changes how its neighbours are shown.
//! - [`secret`]: URLs without passwords and keys.
//! - [`json`]: JSON in which no object has a name twice.

#![warn(missing_docs)]

mod characters;
pub mod escape;
pub mod json;
pub mod name;
pub mod secret;

pub use escape::{Escaping, escaped};
