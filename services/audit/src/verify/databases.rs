//! The services' tables against the books: every order at rest, every level.
//!
//! Orders are compared when the books forget them, the others at the end. What is on its way at that moment (the topics
//! have grown meanwhile, or a row was changed after the reading began) proves nothing, and is counted apart.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::books::Books;
use super::expected::{Expected, Wanted};
use super::findings::Check;
use super::products;
use super::tables::{Row, Tables};
use crate::log::Log;
use crate::{AuditError, Context};

/// Orders that are asked for at once.
const BATCH: usize = 1_000;
/// Clocks differ.
const BEFORE: Duration = Duration::from_secs(60);

/// What the databases say besides violations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) orders: u64,
    pub(super) levels: u64,
    /// Rows that differ and were changed while the topics were read.
    pub(super) moving: u64,
}

pub(super) struct Comparison<'a> {
    tables: Tables,
    context: &'a Context,
    begun: OffsetDateTime,
    /// Forgotten orders that differed: what came later may explain it.
    suspects: BTreeMap<Uuid, Vec<String>>,
    compared: Compared,
    waiting: Vec<(Uuid, Option<Expected>)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn begin(context: &'a Context) -> Result<Self, AuditError> {
        Ok(Comparison {
            tables: Tables::open(context)?,
            context,
            begun: OffsetDateTime::now_utc() - BEFORE,
            suspects: BTreeMap::new(),
            compared: Compared::default(),
            waiting: Vec::new(),
        })
    }

    /// After each event: what the books have forgotten is compared now.
    pub(super) fn seen(&mut self, books: &mut Books) -> Result<(), AuditError> {
        if let Some(forgotten) = &mut books.forgotten_orders
            && !forgotten.is_empty()
        {
            self.waiting.append(forgotten);
            if self.waiting.len() >= BATCH {
                self.compare_waiting()?;
            }
        }
        Ok(())
    }

    fn compare_waiting(&mut self) -> Result<(), AuditError> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut expected = HashMap::new();
        for (order, what) in waiting {
            match what {
                Some(what) => drop(expected.insert(order, what)),
                // It came again after it was forgotten.
                None => {
                    expected.remove(&order);
                    self.suspects.remove(&order);
                }
            }
        }
        for (order, differs) in self.differing(&expected)? {
            self.suspects.insert(order, differs);
        }
        Ok(())
    }

    /// Of each order that differs: how, and only what was not changed just now.
    fn differing(
        &mut self,
        expected: &HashMap<Uuid, Expected>,
    ) -> Result<BTreeMap<Uuid, Vec<String>>, AuditError> {
        let mut found: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
        let all: Vec<Uuid> = expected.keys().copied().collect();
        for orders in all.chunks(BATCH) {
            self.compared.orders += orders.len() as u64;
            let rows = self.context.runtime.block_on(self.tables.of(orders))?;
            for order in orders {
                let Expected { order: ours, reservation, payment } = &expected[order];
                let tables = [
                    ("orders", ours, &rows.orders),
                    ("order_reservations", reservation, &rows.reservations),
                    ("payments", payment, &rows.payments),
                ];
                for (table, wanted, rows) in tables {
                    let row = rows.get(order);
                    if !self.agrees(wanted, row) {
                        let says = row.map_or("nothing", |row| row.text.as_str());
                        let detail = format!("{table} says {says}, the topics say {}", wanted.show());
                        found.entry(*order).or_default().push(detail);
                    }
                }
            }
        }
        Ok(found)
    }

    fn agrees(&mut self, wanted: &Wanted, row: Option<&Row>) -> bool {
        if wanted.is(row.map(|row| row.text.as_str())) {
            return true;
        }
        let moves = row.is_some_and(|row| row.updated_at >= self.begun);
        self.compared.moving += u64::from(moves);
        moves
    }

    /// Everything has been read; `quiet`: and nothing was written meanwhile.
    pub(super) fn end(mut self, log: &Log, books: &mut Books, quiet: bool) -> Result<Compared, AuditError> {
        if quiet {
            // Then nothing is on its way, whatever the services' clocks say.
            self.begun = OffsetDateTime::now_utc() + Duration::from_secs(365 * 86_400);
        }
        self.compare_waiting()?;
        let mut differing = self.differing(&books.expected_orders())?;
        for (order, differs) in std::mem::take(&mut self.suspects) {
            if !books.knows(order) {
                differing.insert(order, differs);
            }
        }
        for (order, differs) in differing {
            let evidence = books.evidence(order);
            for detail in differs {
                books.findings.add(Check::Database, order, detail, evidence.clone());
            }
        }
        if books.knows_all() {
            for (table, order) in
                self.context.runtime.block_on(self.tables.strangers(|id| books.knows(id)))?
            {
                if quiet {
                    let detail = format!("{table} has an order that the topics know nothing of");
                    books.findings.add(Check::Database, order, detail, []);
                } else {
                    self.compared.moving += 1;
                }
            }
        }
        self.levels(books, quiet)?;
        if quiet {
            products::check(self.context, log, &self.tables, &mut books.findings)?;
        }
        for (service, detail) in self.context.runtime.block_on(self.tables.skipped())? {
            books.findings.add(Check::Loss, service, detail, []);
        }
        Ok(self.compared)
    }

    fn levels(&mut self, books: &mut Books, quiet: bool) -> Result<(), AuditError> {
        let mut stored = self.context.runtime.block_on(self.tables.levels())?;
        let mut differing = Vec::new();
        for (sku, warehouse, level) in books.levels() {
            self.compared.levels += 1;
            let row = stored.remove(&(sku.to_string(), warehouse.to_string()));
            if row == Some(level) {
                continue;
            }
            let is_ahead = row.is_some_and(|row| row.version > level.version);
            if is_ahead && !quiet {
                self.compared.moving += 1;
                continue;
            }
            let says = row.map_or("nothing".to_owned(), |row| row.to_string());
            differing.push((
                format!("{sku} in {warehouse}"),
                format!("stock says {says}, the topics say {level}"),
            ));
        }
        let strangers = stored.into_keys().filter(|_| quiet && books.knows_all());
        differing.extend(strangers.map(|(sku, warehouse)| {
            (format!("{sku} in {warehouse}"), "stock has a level that the topics know nothing of".to_owned())
        }));
        for (level, detail) in differing {
            books.findings.add(Check::Database, level, detail, []);
        }
        Ok(())
    }
}
