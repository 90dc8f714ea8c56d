//! The simulated provider's ledger: a file of JSON lines outside of the process. It survives the process, and tests compare
//! it with `payments`.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use minuet_events::ids;
use minuet_events::values::{Amount, Currency, PaymentId, RefundId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// One line: what happened to a payment. Times are milliseconds of Unix time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    Captured {
        payment_id: PaymentId,
        transaction_id: String,
        currency: Currency,
        amount: Amount,
    },
    Declined {
        payment_id: PaymentId,
        reason: String,
    },
    /// Taken in: given back at `due`, or failed then.
    RefundPending {
        payment_id: PaymentId,
        refund_id: RefundId,
        currency: Currency,
        amount: Amount,
        due: i64,
        fails: bool,
    },
    /// Given back. Absent `refund_id`, in older lines: that of the whole payment.
    Refunded {
        payment_id: PaymentId,
        #[serde(default)]
        refund_id: Option<RefundId>,
        currency: Currency,
        amount: Amount,
    },
    RefundFailed {
        payment_id: PaymentId,
        refund_id: RefundId,
    },
    /// The customer's bank asks for the whole amount back at `opens`, and decides at `closes`.
    Disputed {
        payment_id: PaymentId,
        dispute_id: String,
        currency: Currency,
        amount: Amount,
        opens: i64,
        closes: i64,
        is_lost: bool,
    },
}

impl Entry {
    fn payment_id(&self) -> PaymentId {
        match self {
            Entry::Captured { payment_id, .. }
            | Entry::Declined { payment_id, .. }
            | Entry::RefundPending { payment_id, .. }
            | Entry::Refunded { payment_id, .. }
            | Entry::RefundFailed { payment_id, .. }
            | Entry::Disputed { payment_id, .. } => *payment_id,
        }
    }
}

/// A refund as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedRefund {
    pub refund_id: RefundId,
    pub amount: Amount,
    pub standing: BookedStanding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookedStanding {
    Pending { due: i64, fails: bool },
    Given,
    Failed,
}

/// What becomes of a refund that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundAnswer {
    Booked(BookedStanding),
    NothingCaptured,
    /// More than is left of the payment.
    Exceeds,
    /// The customer's bank has asked for the money, or has it.
    Disputed,
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
    accounts: HashMap<PaymentId, Account>,
    /// Without a file: the payments in their order, of which the first goes when there are too many.
    in_order: VecDeque<PaymentId>,
    has_forgotten: bool,
}

/// All of one payment.
#[derive(Default)]
struct Account {
    charge: Option<Entry>,
    refunds: Vec<BookedRefund>,
    dispute: Option<Entry>,
}

impl Account {
    /// Neither given back nor about to be.
    fn is_left(&self, captured: Amount, amount: Amount) -> bool {
        let taken = |refund: &&BookedRefund| refund.standing != BookedStanding::Failed;
        let given: rust_decimal::Decimal =
            self.refunds.iter().filter(taken).map(|refund| refund.amount.get()).sum();
        given + amount.get() <= captured.get()
    }

    fn is_disputed(&self, now: i64) -> bool {
        matches!(&self.dispute, Some(Entry::Disputed { opens, closes, is_lost, .. })
            if *opens <= now && (now < *closes || *is_lost))
    }
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
        self.with(|entries| {
            match entries.accounts.get(&payment).and_then(|account| account.charge.as_ref()) {
                Some(entry) => Ok(Some(entry.clone())),
                None => decide().map(|entry| entries.enter(entry)).transpose(),
            }
        })
    }

    /// What becomes of the refund: what stands under its id, or else what `refund` says.
    pub fn refund(
        &self,
        payment: PaymentId,
        refund: BookedRefund,
        now: i64,
    ) -> Result<RefundAnswer, LedgerError> {
        self.with(|entries| {
            entries.settle(payment, now)?;
            let account = entries.accounts.get(&payment);
            let same = |booked: &&BookedRefund| booked.refund_id == refund.refund_id;
            if let Some(booked) = account.and_then(|account| account.refunds.iter().find(same)) {
                return Ok(RefundAnswer::Booked(booked.standing));
            }
            let (account, currency, captured) = match account.map(|account| (account, &account.charge)) {
                Some((account, Some(Entry::Captured { currency, amount, .. }))) => {
                    (account, *currency, *amount)
                }
                None if entries.has_forgotten => return Ok(RefundAnswer::Booked(BookedStanding::Given)),
                _ => return Ok(RefundAnswer::NothingCaptured),
            };
            if account.is_disputed(now) {
                return Ok(RefundAnswer::Disputed);
            }
            if !account.is_left(captured, refund.amount) {
                return Ok(RefundAnswer::Exceeds);
            }
            let BookedRefund { refund_id, amount, standing } = refund;
            entries.enter(match standing {
                BookedStanding::Pending { due, fails } => {
                    Entry::RefundPending { payment_id: payment, refund_id, currency, amount, due, fails }
                }
                BookedStanding::Given => {
                    Entry::Refunded { payment_id: payment, refund_id: Some(refund_id), currency, amount }
                }
                BookedStanding::Failed => Entry::RefundFailed { payment_id: payment, refund_id },
            })?;
            Ok(RefundAnswer::Booked(standing))
        })
    }

    /// Every refund of the payment.
    pub fn refunds(&self, payment: PaymentId, now: i64) -> Result<Vec<BookedRefund>, LedgerError> {
        self.with(|entries| {
            entries.settle(payment, now)?;
            Ok(entries.accounts.get(&payment).map(|account| account.refunds.clone()).unwrap_or_default())
        })
    }

    /// Enters the payment's dispute, unless it has one.
    pub fn dispute(&self, dispute: Entry) -> Result<(), LedgerError> {
        self.with(|entries| {
            let account = entries.accounts.get(&dispute.payment_id());
            match account.and_then(|account| account.dispute.as_ref()) {
                Some(_) => Ok(()),
                None => entries.enter(dispute).map(drop),
            }
        })
    }

    /// The payment's dispute, whether it is opened yet or not.
    pub fn disputed(&self, payment: PaymentId) -> Result<Option<Entry>, LedgerError> {
        self.with(|entries| Ok(entries.accounts.get(&payment).and_then(|account| account.dispute.clone())))
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

    /// Enters how pending refunds have ended by now.
    fn settle(&mut self, payment: PaymentId, now: i64) -> io::Result<()> {
        let Some(Account { charge: Some(Entry::Captured { currency, .. }), refunds, .. }) =
            self.accounts.get(&payment)
        else {
            return Ok(());
        };
        let currency = *currency;
        let ended = |refund: &BookedRefund| match refund.standing {
            BookedStanding::Pending { due, fails } if due <= now => {
                let BookedRefund { refund_id, amount, .. } = *refund;
                Some(if fails {
                    Entry::RefundFailed { payment_id: payment, refund_id }
                } else {
                    Entry::Refunded { payment_id: payment, refund_id: Some(refund_id), currency, amount }
                })
            }
            _ => None,
        };
        for entry in refunds.iter().filter_map(ended).collect::<Vec<_>>() {
            self.enter(entry)?;
        }
        Ok(())
    }

    fn keep(&mut self, entry: Entry) {
        let payment = entry.payment_id();
        let account = self.accounts.entry(payment).or_default();
        let mut refunded = |refund_id: RefundId, amount: Option<Amount>, standing: BookedStanding| {
            match account.refunds.iter_mut().find(|refund| refund.refund_id == refund_id) {
                // What has ended stays as it is.
                Some(refund) if matches!(refund.standing, BookedStanding::Pending { .. }) => {
                    refund.standing = standing;
                }
                Some(_) => {}
                None => {
                    account.refunds.extend(amount.map(|amount| BookedRefund { refund_id, amount, standing }))
                }
            }
        };
        match entry {
            Entry::RefundPending { refund_id, amount, due, fails, .. } => {
                refunded(refund_id, Some(amount), BookedStanding::Pending { due, fails });
            }
            Entry::Refunded { refund_id, amount, .. } => {
                let refund_id = refund_id.unwrap_or_else(|| ids::refund_id(payment));
                refunded(refund_id, Some(amount), BookedStanding::Given);
            }
            Entry::RefundFailed { refund_id, .. } => refunded(refund_id, None, BookedStanding::Failed),
            Entry::Disputed { .. } => drop(account.dispute.get_or_insert(entry)),
            Entry::Captured { .. } | Entry::Declined { .. } if account.charge.is_none() => {
                account.charge = Some(entry);
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
            self.accounts.remove(&first);
            self.has_forgotten = true;
        }
    }
}
