//! The inventory's part of the table "When events cross", told as stories, and held against the table of reactions;
//! and how stock is allocated, moved and adjusted.

mod adjusting;
mod allocating;
mod books;
mod crossings;
mod properties;
mod reactions;
mod samples;
mod story;
