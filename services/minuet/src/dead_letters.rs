//! `minuet dead-letters list | show | redrive | discard`: on the database of a service, whether that runs or not.

mod args;
mod error;
mod print;

use std::io;
use std::time::Duration;

use minuet_events::Codec;
use minuet_messaging::{
    DeadLetter, DeadLetterFilter, DeadLetters as Desk, ParkReason, RedriveOutcome, Redriven,
};

use crate::database::Database;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) use args::{DeadLetters, kept};
use args::{Discard, List, One, Redrive};
pub(crate) use error::DeadLettersError;
use print::Printer;

/// A registry that is away must not keep anybody from looking.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(5);
/// Letters of one statement, where all of a reason are redriven.
const PAGE_ROWS: u32 = 500;

pub(crate) async fn run(settings: &Settings, command: DeadLetters) -> Result<(), CliError> {
    let done = match command {
        DeadLetters::List(which) => list(settings, &which).await,
        DeadLetters::Show(which) => show(settings, &which).await,
        DeadLetters::Redrive(which) => redrive(settings, &which).await,
        DeadLetters::Discard(which) => discard(settings, &which).await,
    };
    match done {
        // A reader that went away (`| head`) is no failure.
        Err(CliError::DeadLetters(DeadLettersError::Write(error)))
            if error.kind() == io::ErrorKind::BrokenPipe =>
        {
            Ok(())
        }
        done => done,
    }
}

/// The parked events of one service.
struct Opened {
    service: &'static str,
    desk: Desk<Codec>,
}

impl Opened {
    fn new(settings: &Settings, database: Database, codec: Option<Codec>) -> Result<Opened, CliError> {
        let (service, key) = database.service();
        let desk = Desk::open(settings.text(key)?, codec)
            .map_err(|source| DeadLettersError::Open { service, source })?;
        Ok(Opened { service, desk })
    }

    fn failed(&self) -> impl Fn(minuet_messaging::QueryError) -> DeadLettersError {
        let service = self.service;
        move |source| DeadLettersError::Database { service, source }
    }
}

async fn list(settings: &Settings, list: &List) -> Result<(), CliError> {
    let databases = if list.services.is_empty() { Database::ALL.to_vec() } else { list.services.clone() };
    let mut out = Printer::new(output::results(), list.json);
    let mut more = Vec::new();
    for database in databases {
        let opened = Opened::new(settings, database, None)?;
        let which = DeadLetterFilter {
            after: list.after,
            discarded_too: list.discarded,
            // One more, which says whether there are more.
            limit: list.limit + 1,
            reason: list.reason.map(|reason| reason.code().to_owned()),
            key: list.key.clone(),
        };
        let mut letters = opened.desk.list(&which).await.map_err(opened.failed())?;
        if letters.len() > list.limit as usize {
            letters.truncate(list.limit as usize);
            more.extend(letters.last().map(|last: &DeadLetter| (opened.service, last.id)));
        }
        out.rows(opened.service, &letters).map_err(DeadLettersError::Write)?;
    }
    out.end().map_err(DeadLettersError::Write)?;
    for (service, last) in more {
        output::note(format!("{service} has more: --service {service} --after {last}"));
    }
    Ok(())
}

async fn show(settings: &Settings, which: &One) -> Result<(), CliError> {
    let (codec, no_codec) = match codec(settings).await {
        Ok(codec) => (Some(codec), None),
        Err(why) => (None, Some(why)),
    };
    let opened = Opened::new(settings, which.service, codec)?;
    let service = opened.service;
    let found = opened.desk.one(which.id).await.map_err(opened.failed())?;
    let whole = found.ok_or(DeadLettersError::Unknown { service, id: which.id })?;
    let mut out = Printer::new(output::results(), which.json);
    out.whole(service, &whole).map_err(DeadLettersError::Write)?;
    if let Some(why) = no_codec {
        output::note(format!("the payload is shown as bytes, since no schema is known: {why}"));
    }
    Ok(())
}

async fn codec(settings: &Settings) -> Result<Codec, String> {
    let url = settings.registry_url().map_err(|error| error.to_string())?;
    match tokio::time::timeout(REGISTRY_TIMEOUT, Codec::register(url)).await {
        Ok(Ok(codec)) => Ok(codec),
        Ok(Err(error)) => Err(minuet_telemetry::error_chain(&error)),
        Err(_) => Err(format!("the registry has not answered in {REGISTRY_TIMEOUT:?}")),
    }
}

async fn redrive(settings: &Settings, which: &Redrive) -> Result<(), CliError> {
    let opened = Opened::new(settings, which.service, None)?;
    let service = opened.service;
    let ids = match which.reason {
        Some(reason) => of_reason(&opened, reason).await?,
        None => which.ids.clone(),
    };
    let mut asked: Vec<i64> = Vec::new();
    for id in ids {
        let letters = opened.desk.ask(id).await.map_err(opened.failed())?;
        if letters.is_empty() && !asked.contains(&id) && which.reason.is_none() {
            return Err(why_not(&opened, id).await?.into());
        }
        asked.extend(letters);
    }
    asked.sort_unstable();
    asked.dedup();
    let letters = opened.desk.answered(&asked, which.wait).await.map_err(opened.failed())?;
    let mut out = Printer::new(output::results(), which.json);
    out.redriven(service, &letters).map_err(DeadLettersError::Write)?;
    let is_left = |letter: &&Redriven| letter.outcome != RedriveOutcome::Redriven;
    let (left, all) = (letters.iter().filter(is_left).count(), letters.len());
    if letters.iter().any(|letter| letter.outcome == RedriveOutcome::Pending) {
        output::note(format!(
            "not tried within {:?}: it stays asked for, and the {service} service does it once it runs",
            which.wait
        ));
    }
    if left == 0 { Ok(()) } else { Err(DeadLettersError::Left { left, all }.into()) }
}

async fn of_reason(opened: &Opened, reason: ParkReason) -> Result<Vec<i64>, DeadLettersError> {
    let mut which = DeadLetterFilter {
        after: 0,
        discarded_too: false,
        limit: PAGE_ROWS,
        reason: Some(reason.code().to_owned()),
        key: None,
    };
    let mut ids = Vec::new();
    loop {
        let page = opened.desk.list(&which).await.map_err(opened.failed())?;
        let Some(last) = page.last() else { return Ok(ids) };
        which.after = last.id;
        ids.extend(page.iter().map(|letter| letter.id));
    }
}

async fn why_not(opened: &Opened, id: i64) -> Result<DeadLettersError, DeadLettersError> {
    let service = opened.service;
    Ok(match opened.desk.one(id).await.map_err(opened.failed())? {
        Some(_) => DeadLettersError::Discarded { service, id },
        None => DeadLettersError::Unknown { service, id },
    })
}

async fn discard(settings: &Settings, which: &Discard) -> Result<(), CliError> {
    let opened = Opened::new(settings, which.service, None)?;
    let (id, by) = (which.id, &which.by);
    let discarded = opened.desk.discard(id, by, &which.reason).await.map_err(opened.failed())?;
    let Some(waiting) = discarded else { return Err(why_not(&opened, id).await?.into()) };
    output::print(format!("{} {id} discarded by {by}", opened.service));
    if waiting > 0 {
        output::note(format!(
            "{waiting} events of its key still wait: minuet dead-letters redrive them, lowest id first, or discard them too"
        ));
    }
    Ok(())
}
