//! Which port a server gets.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use crate::error::{StackError, Tried};

/// Below the ports that Linux hands out to outgoing connections (32768 and up), so that no client takes a chosen port
/// before its server listens there.
const FREE: std::ops::Range<u16> = 20_000..32_000;

/// Holds chosen ports until their servers are about to start, so that no two of them get the same.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) port: u16,
    _held: TcpListener,
}

/// The preferred port, or a free one where that is taken or 0.
pub(crate) fn choose(preferred: u16) -> Result<Chosen, StackError> {
    if preferred != 0
        && let Ok(held) = listen(preferred)
    {
        return Ok(Chosen { port: preferred, _held: held });
    }
    // Random, so that two stacks that start at the same moment look at different ports.
    let width = FREE.end - FREE.start;
    let first = (RandomState::new().hash_one(std::process::id()) % u64::from(width)) as u16;
    let mut refused = None;
    for step in 0..width {
        let port = FREE.start + (first + step) % width;
        match listen(port) {
            Ok(held) => return Ok(Chosen { port, _held: held }),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()))
        .tried(|| format!("no free port between {} and {}", FREE.start, FREE.end))
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_taken_as_preferred() {
        let free = choose(0).unwrap().port;
        assert_eq!(choose(free).unwrap().port, free);
    }

    #[test]
    fn a_taken_port_is_replaced() {
        let taken = choose(0).unwrap();
        let other = choose(taken.port).unwrap();
        assert_ne!(other.port, taken.port);
        assert!(FREE.contains(&other.port));
    }
}
