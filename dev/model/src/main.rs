//! `cargo run -p minuet-model [one|price|two|large]`: without a name, the three small worlds. Both profiles are optimised.

use std::io::Write;
use std::process::ExitCode;

use minuet_model::{LARGE, ONE, PRICE, Report, Setting, TWO, WorldError, check};

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("there is no world {0}: one, price, two or large")]
    Unknown(String),
    #[error(transparent)]
    World(#[from] WorldError),
    #[error("the report cannot be written")]
    Write(#[from] std::io::Error),
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, Error> {
    let named: Vec<Setting> = std::env::args().skip(1).map(|name| world(&name)).collect::<Result<_, _>>()?;
    let settings = if named.is_empty() { vec![ONE, PRICE, TWO] } else { named };
    let mut holds = true;
    for setting in settings {
        let report: Report = check(setting)?;
        write!(std::io::stdout(), "{report}")?;
        holds &= report.holds();
    }
    Ok(holds)
}

fn world(name: &str) -> Result<Setting, Error> {
    match name {
        "one" => Ok(ONE),
        "price" => Ok(PRICE),
        "two" => Ok(TWO),
        "large" => Ok(LARGE),
        other => Err(Error::Unknown(other.to_owned())),
    }
}
