//! A wire that can be cut: what comes in on one port goes to another, as long and as fast as it is told.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wire {
    Good,
    /// Whatever is open ends at once, in the midst of a message too, and nothing new is let in.
    Cut,
    /// Each piece is so much later.
    Slow(Duration),
    /// Whatever is open stays open, what is new is let in, and nothing is carried, until it is another wire.
    Hole,
    /// What is open is forgotten: it stays open and carries nothing more, whatever comes. What is new is well.
    Lost,
    /// The server hears that nothing more comes, and may still answer; so it is until the connection is made anew.
    HalfClosed,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    wire: watch::Sender<Wire>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(port: u16, to: u16) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let wire = watch::Sender::new(Wire::Good);
        let task = AbortOnDropHandle::new(tokio::spawn(accept(listener, to, wire.subscribe())));
        Proxy { port, wire, _task: task }
    }

    pub(crate) fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn accept(listener: TcpListener, to: u16, wire: watch::Receiver<Wire>) {
    // Ends what is open with the proxy.
    let mut open = tokio::task::JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        while open.try_join_next().is_some() {}
        let mut wire = wire.clone();
        // What it is at the beginning is no change: who connects to a half-closed wire has a new connection.
        wire.mark_unchanged();
        if *wire.borrow() != Wire::Cut {
            open.spawn(connect(client, to, wire));
        }
    }
}

async fn connect(client: TcpStream, to: u16, wire: watch::Receiver<Wire>) {
    // A server that is not there: the client's connection ends with this.
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let asked = carry(from_client, to_server, wire.clone(), true);
    let answered = carry(from_server, to_client, wire, false);
    tokio::join!(asked, answered);
}

/// Until either end closes, or the wire is cut. Dropping its halves closes them.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut wire: watch::Receiver<Wire>,
    to_server: bool,
) {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let is_hole = *wire.borrow() == Wire::Hole;
        let read = tokio::select! {
            changed = wire.changed() => match changed.map(|()| *wire.borrow_and_update()) {
                Ok(Wire::Cut) | Err(_) => return,
                Ok(Wire::HalfClosed) if to_server => return,
                Ok(Wire::Lost) => {
                    let _cut = wire.wait_for(|now| *now == Wire::Cut).await;
                    return;
                }
                Ok(_) => continue,
            },
            read = from.read(&mut piece), if !is_hole => read,
        };
        let Ok(length @ 1..) = read else { return };
        if *wire.borrow() == Wire::Hole {
            // What was read as the hole opened: it comes out at the other end, or never.
            let Ok(now) = wire.wait_for(|now| *now != Wire::Hole).await.map(|now| *now) else { return };
            if now == Wire::Cut {
                return;
            }
        }
        let now = *wire.borrow();
        if let Wire::Slow(late) = now {
            tokio::time::sleep(late).await;
        }
        if to.write_all(&piece[..length]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::shop::free_port;

    #[tokio::test]
    async fn it_carries_and_cuts_and_closes_one_half() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Proxy::start(free_port(), server.local_addr().unwrap().port()).await;
        let pair = async || {
            let client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port)).await.unwrap();
            (client, server.accept().await.unwrap().0)
        };
        let mut bytes = [0; 4];
        let (mut client, mut served) = pair().await;
        client.write_all(b"ping").await.unwrap();
        served.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"ping");

        proxy.set(Wire::HalfClosed);
        assert_eq!(served.read(&mut bytes).await.unwrap(), 0, "the server hears the end");
        served.write_all(b"pong").await.unwrap();
        client.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"pong");

        proxy.set(Wire::Good);
        let (mut client, mut served) = pair().await;
        proxy.set(Wire::Hole);
        client.write_all(b"lost").await.unwrap();
        let silent = tokio::time::timeout(Duration::from_millis(200), served.read_exact(&mut bytes)).await;
        assert!(silent.is_err(), "nothing is carried: {silent:?}");
        let (_client, _served) = pair().await;
        proxy.set(Wire::Good);
        served.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"lost", "it goes on where it was");
        proxy.set(Wire::Cut);
        assert!(matches!(client.read(&mut bytes).await, Ok(0) | Err(_)), "the client hears the end");
    }
}
