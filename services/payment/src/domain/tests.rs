//! The payment's part of the table "When events cross", told as stories, and held against the tables of reactions.

mod agreement;
mod charging;
mod reactions;
mod refunding;
mod samples;
mod stopping;
mod story;
