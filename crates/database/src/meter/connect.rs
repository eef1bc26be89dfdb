use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    Socket,
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Meter, stream::Metered};

/// Connects, and meters what the server sends within the encryption. A connection without any is TLS of another kind for the
/// driver, so that it reads through the meter there, too.
#[derive(Clone)]
pub(crate) struct Metering {
    tls: Option<MakeRustlsConnect>,
    meter: Meter,
}

/// The same for one host.
pub(crate) struct MeteringHost {
    tls: Option<Encrypting>,
    meter: Meter,
}

/// A stream to a server.
pub(crate) enum Transport {
    Plain(Socket),
    Encrypted(Box<Encrypted>),
}

type Encrypting = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
type Encrypted = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

impl Metering {
    pub(crate) fn plain(meter: Meter) -> Self {
        Self { tls: None, meter }
    }

    pub(crate) fn encrypted(config: ClientConfig, meter: Meter) -> Self {
        let tls = Some(MakeRustlsConnect::new(config));
        Self { tls, meter }
    }
}

impl MakeTlsConnect<Socket> for Metering {
    type Stream = Metered<Transport>;
    type TlsConnect = MeteringHost;
    type Error = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<MeteringHost, Self::Error> {
        let tls = self.tls.as_mut();
        let tls = tls.map(|tls| MakeTlsConnect::<Socket>::make_tls_connect(tls, host));
        Ok(MeteringHost {
            tls: tls.transpose()?,
            meter: self.meter.clone(),
        })
    }
}

impl TlsConnect<Socket> for MeteringHost {
    type Stream = Metered<Transport>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        let Self { tls, meter } = self;
        Box::pin(async {
            let transport = match tls {
                Some(tls) => Transport::Encrypted(Box::new(tls.connect(socket).await?)),
                None => Transport::Plain(socket),
            };
            Ok(Metered::new(transport, meter))
        })
    }
}

impl TlsStream for Metered<Transport> {
    fn channel_binding(&self) -> ChannelBinding {
        match self.inner() {
            Transport::Plain(_) => ChannelBinding::none(),
            Transport::Encrypted(stream) => stream.channel_binding(),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, out),
            Self::Encrypted(stream) => Pin::new(stream).poll_read(context, out),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Encrypted(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Encrypted(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Encrypted(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
