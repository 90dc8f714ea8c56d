//! The order's part of the table "When events cross", told as stories, and held against the table of reactions.

mod cancelling;
mod crossings;
mod pricing;
mod properties;
mod reactions;
mod samples;
mod story;
