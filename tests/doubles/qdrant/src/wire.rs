//! Connections that can be refused: every one of them is reset while [`Failure::Refuse`] is in force.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::Connected;

use crate::failures::{Failure, Failures};

/// A listener whose connections obey [`Failures`].
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) listener: TcpListener,
    pub(crate) failures: Failures,
}

/// One connection behind a [`Gate`].
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    failures: Failures,
}

impl Gate {
    pub(crate) async fn next(&mut self) -> io::Result<(Wire, SocketAddr)> {
        loop {
            let (stream, peer) = self.listener.accept().await?;
            if !self.failures.has(&Failure::Refuse) {
                stream.set_nodelay(true)?;
                return Ok((Wire { stream, failures: self.failures.clone() }, peer));
            }
        }
    }
}

impl axum::serve::Listener for Gate {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            if let Ok(accepted) = self.next().await {
                return accepted;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Wire {
    fn check(&self) -> io::Result<()> {
        if self.failures.has(&Failure::Refuse) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        Pin::new(&mut this.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check()?;
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Connected for Wire {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}
