//! The payment's part of the table "When events cross", told as stories, and held against the table of reactions.

mod charging;
mod properties;
mod reactions;
mod refunding;
mod samples;
mod stopping;
mod story;
