//! The services' tables against the books.

use super::books::Books;
use crate::{AuditError, Context};

pub(super) struct Comparison;

impl Comparison {
    pub(super) fn begin(_: &Context) -> Result<Self, AuditError> {
        Ok(Comparison)
    }

    pub(super) fn rested(&mut self, books: &mut Books) -> Result<(), AuditError> {
        if let Some(rested) = &mut books.rested {
            rested.clear();
        }
        Ok(())
    }

    pub(super) fn end(self, _: &mut Books) -> Result<(), AuditError> {
        Ok(())
    }
}
