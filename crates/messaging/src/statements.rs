//! All SQL statements of this crate.

use crate::clock::DATABASE_TIME;
use crate::observe::{meters, progress};
use crate::runtime::sweeper;
use crate::store::dead_letters::{self, admin, redrive};
use crate::store::inbox::{self, prune};
use crate::store::{outbox, positions, shards, skips};

/// Every statement that this crate runs in a service's database: a test prepares each one against the migrated schema.
pub const STATEMENTS: &[&str] = &[
    inbox::CLAIM,
    prune::PARTITIONS,
    prune::TRY_LOCK,
    prune::PRUNE,
    dead_letters::PARK,
    dead_letters::MAKE_ROOM,
    dead_letters::WAITING,
    redrive::ASKED,
    redrive::GROUP,
    redrive::LETTER,
    redrive::TAKE,
    redrive::FAILED,
    redrive::ANSWERED,
    admin::LIST,
    admin::ONE,
    admin::REQUEST,
    admin::OPEN,
    admin::BEHIND,
    admin::LOCK,
    admin::DISCARD,
    positions::LOAD,
    positions::RECORD,
    positions::REFUSE,
    positions::REFUSED,
    positions::ACCEPT,
    positions::LOOKED_THROUGH,
    positions::SKIP,
    positions::SKIPPED,
    positions::ACCEPT_SKIPPED,
    outbox::APPEND,
    outbox::NEXT,
    outbox::DELETE,
    outbox::DELETE_ACKNOWLEDGED,
    skips::REQUEST,
    skips::OPEN,
    skips::SKIPPED,
    shards::TAKE,
    DATABASE_TIME,
    shards::FENCE,
    sweeper::SINCE,
    sweeper::SWEPT,
    meters::OUTBOX,
    meters::INBOX,
    meters::PARKED,
    meters::SKIPPED,
    progress::STANDING,
];
