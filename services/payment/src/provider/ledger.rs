//! The simulated provider's ledger: a file of JSON lines outside of the process. It survives the process, and tests compare
//! it with `payments`.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use minuet_events::values::{Amount, Currency, PaymentId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// One line: what finally happened under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    Captured { payment_id: PaymentId, transaction_id: String, currency: Currency, amount: Amount },
    Declined { payment_id: PaymentId, reason: String },
    Refunded { payment_id: PaymentId, currency: Currency, amount: Amount },
}

impl Entry {
    fn payment_id(&self) -> PaymentId {
        match self {
            Entry::Captured { payment_id, .. }
            | Entry::Declined { payment_id, .. }
            | Entry::Refunded { payment_id, .. } => *payment_id,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the provider's ledger {path} cannot be used")]
pub struct LedgerError {
    path: PathBuf,
    source: io::Error,
}

/// Without a file, memory holds this many payments; a repeated request comes soon after the first.
const MAX_REMEMBERED: usize = 50_000;

/// Several processes may share the file: each operation locks it and reads what others have added.
pub struct Ledger {
    path: Option<PathBuf>,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    file: Option<File>,
    read: u64,
    charges: HashMap<PaymentId, Entry>,
    refunds: HashMap<PaymentId, Entry>,
    /// Without a file: the payments in their order, of which the first goes when there are too many.
    in_order: VecDeque<PaymentId>,
    has_forgotten: bool,
}

impl Ledger {
    /// Without a path the ledger is in memory, ends with the process, and holds the last 50,000 payments. A refund of an older
    /// payment is granted.
    pub fn open(path: Option<&Path>) -> Result<Self, LedgerError> {
        let file = path
            .map(|path| {
                let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
                opened.map_err(|source| LedgerError { path: path.to_owned(), source })
            })
            .transpose()?;
        Ok(Ledger {
            path: path.map(Path::to_owned),
            entries: Mutex::new(Entries { file, ..Entries::default() }),
        })
    }

    /// What stands under the payment's id; if nothing does, what `decide` enters. None from `decide` enters nothing.
    pub fn charge(
        &self,
        payment: PaymentId,
        decide: impl FnOnce() -> Option<Entry>,
    ) -> Result<Option<Entry>, LedgerError> {
        self.with(|entries| match entries.charges.get(&payment) {
            Some(entry) => Ok(Some(entry.clone())),
            None => decide().map(|entry| entries.enter(entry)).transpose(),
        })
    }

    /// Enters the refund of a captured payment, once. False: nothing was captured.
    pub fn refund(&self, payment: PaymentId) -> Result<bool, LedgerError> {
        self.with(|entries| {
            if entries.refunds.contains_key(&payment) {
                return Ok(true);
            }
            let Some(Entry::Captured { currency, amount, .. }) = entries.charges.get(&payment) else {
                return Ok(entries.has_forgotten && !entries.charges.contains_key(&payment));
            };
            let entry = Entry::Refunded { payment_id: payment, currency: *currency, amount: *amount };
            entries.enter(entry)?;
            Ok(true)
        })
    }

    /// The amount that was given back.
    pub fn given_back(&self, payment: PaymentId) -> Result<Option<Amount>, LedgerError> {
        self.with(|entries| match entries.refunds.get(&payment) {
            Some(Entry::Refunded { amount, .. }) => Ok(Some(*amount)),
            _ => Ok(None),
        })
    }

    fn with<T>(&self, operate: impl FnOnce(&mut Entries) -> io::Result<T>) -> Result<T, LedgerError> {
        let mut entries = self.entries.lock();
        let done = entries.locked(operate);
        done.map_err(|source| LedgerError { path: self.path.clone().unwrap_or_default(), source })
    }
}

impl Entries {
    fn locked<T>(&mut self, operate: impl FnOnce(&mut Entries) -> io::Result<T>) -> io::Result<T> {
        if let Some(file) = &self.file {
            file.lock()?;
        }
        let done = self.catch_up().and_then(|()| operate(self));
        if let Some(file) = &self.file {
            file.unlock()?;
        }
        done
    }

    fn catch_up(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.seek(SeekFrom::Start(self.read))?;
        let mut added = Vec::new();
        let mut lines = BufReader::new(&*file);
        let mut line = String::new();
        loop {
            line.clear();
            let bytes = lines.read_line(&mut line)?;
            // A line without its end was torn by a kill: nobody was told of it.
            if bytes == 0 || !line.ends_with('\n') {
                break;
            }
            self.read += bytes as u64;
            added.extend(serde_json::from_str::<Entry>(&line).ok());
        }
        for entry in added {
            self.keep(entry);
        }
        Ok(())
    }

    fn enter(&mut self, entry: Entry) -> io::Result<Entry> {
        if let Some(file) = &mut self.file {
            let mut line = serde_json::to_string(&entry)?;
            line.push('\n');
            // A torn line before ours goes: ended by us it might become a whole one, and so happen after all.
            if file.metadata()?.len() > self.read {
                file.set_len(self.read)?;
            }
            file.write_all(line.as_bytes())?;
            self.read = file.metadata()?.len();
        }
        self.keep(entry.clone());
        Ok(entry)
    }

    fn keep(&mut self, entry: Entry) {
        let payment = entry.payment_id();
        match entry {
            Entry::Refunded { .. } => {
                self.refunds.entry(payment).or_insert(entry);
            }
            Entry::Captured { .. } | Entry::Declined { .. } if !self.charges.contains_key(&payment) => {
                self.charges.insert(payment, entry);
                if self.file.is_none() {
                    self.remember(payment);
                }
            }
            Entry::Captured { .. } | Entry::Declined { .. } => {}
        }
    }

    fn remember(&mut self, payment: PaymentId) {
        self.in_order.push_back(payment);
        if self.in_order.len() > MAX_REMEMBERED
            && let Some(first) = self.in_order.pop_front()
        {
            self.charges.remove(&first);
            self.refunds.remove(&first);
            self.has_forgotten = true;
        }
    }
}
