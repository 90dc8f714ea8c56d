//! A connection's bytes: tells its activity, and replaces what the HTTP library answers by itself.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::activity::Activity;
use super::refusal;

/// The socket is shared: what a client still sends is read after the library has let go of the stream.
pub(super) struct Stream {
    socket: Arc<TcpStream>,
    activity: Arc<Activity>,
    /// A problem document that is on its way instead of a refusal of the library's.
    replacement: Vec<u8>,
}

impl Stream {
    pub(super) fn new(socket: Arc<TcpStream>, activity: Arc<Activity>) -> Self {
        Stream { socket, activity, replacement: Vec::new() }
    }

    fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.socket.poll_write_ready(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => {
                    self.activity.write_blocked();
                    return Poll::Pending;
                }
            }
            match self.socket.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    self.activity.wrote();
                    return Poll::Ready(written);
                }
            }
        }
    }

    fn poll_replacement(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.replacement.is_empty() {
            let sent = ready!(self.poll_send(cx, &self.replacement))?;
            self.replacement.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.socket.poll_read_ready(cx))?;
            match self.socket.try_read(into.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(length) => {
                    into.advance(length);
                    if length > 0 {
                        self.activity.received();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        ready!(stream.poll_replacement(cx))?;
        match refusal::find(bytes) {
            // An earlier answer goes first, as it is.
            Some((at, _)) if at > 0 => stream.poll_send(cx, &bytes[..at]),
            Some((_, replacement)) => {
                stream.activity.refuse();
                stream.replacement = replacement;
                Poll::Ready(Ok(bytes.len()))
            }
            None => stream.poll_send(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_replacement(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        ready!(stream.poll_replacement(cx))?;
        match SockRef::from(&*stream.socket).shutdown(Shutdown::Write) {
            // The client was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}
