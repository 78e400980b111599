//! TLS at a door: the handshake, within its time and apart from those who knock meanwhile, and certificates that are
//! renewed on disk while it serves.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::{CertificateError, Error, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::model::ListenTls;
use crate::tls::{self, TlsError};

/// First byte of every TLS connection: a record of the handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// What tells that a file is another one: its time, and its size where the time is coarse.
type Stamp = Vec<Option<(SystemTime, u64)>>;

/// What a door shows.
pub struct Front {
    files: ListenTls,
    config: ArcSwap<ServerConfig>,
    stamp: Mutex<Stamp>,
}

/// Why there is no connection.
#[derive(Debug)]
pub enum NotMet {
    /// It speaks something else; given back so that it can be told.
    Plain(TcpStream),
    /// The handshake failed, in words.
    Failed(String),
}

impl Front {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn open(files: ListenTls) -> Result<Self, TlsError> {
        let stamp = stamp(&files);
        let config = ArcSwap::new(tls::read(&files)?.config);
        Ok(Self { files, config, stamp: Mutex::new(stamp) })
    }

    /// Reads the files again if they are others than the last time; blocks on the disk. Whether they were.
    ///
    /// # Errors
    /// They cannot be used, as happens between the writing of one and the other; what was shown is shown on, and they
    /// are looked at again when they change again.
    pub fn renew(&self) -> Result<bool, TlsError> {
        let mut known = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = stamp(&self.files);
        if *known == seen {
            return Ok(false);
        }
        *known = seen;
        self.config.store(tls::read(&self.files)?.config);
        Ok(true)
    }

    /// The files, for messages.
    pub fn files(&self) -> &ListenTls {
        &self.files
    }

    /// Meets a client within `time`.
    pub async fn meet(&self, stream: TcpStream, time: Duration) -> Result<TlsStream<TcpStream>, NotMet> {
        let meeting = async {
            let mut first = [0];
            match stream.peek(&mut first).await {
                Ok(1..) if first[0] == HANDSHAKE => {}
                Ok(1..) => return Err(NotMet::Plain(stream)),
                Ok(0) => return Err(NotMet::Failed("it hung up before the handshake".into())),
                Err(error) => return Err(NotMet::Failed(words(&error))),
            }
            let acceptor = TlsAcceptor::from(self.config.load_full());
            acceptor.accept(stream).await.map_err(|error| NotMet::Failed(words(&error)))
        };
        timeout(time, meeting)
            .await
            .unwrap_or_else(|_| Err(NotMet::Failed("it did not finish the TLS handshake in time".into())))
    }
}

fn stamp(files: &ListenTls) -> Stamp {
    let one = |path: &PathBuf| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()]
        .into_iter()
        .flatten()
        .map(one)
        .collect()
}

/// What went wrong, for people. A client that refuses us says why by an alert, and that is said on.
fn words(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::NoCertificatesPresented) => {
            "it showed no client certificate, and client-ca: wants one".into()
        }
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            "no authority of client-ca: signed its client certificate".into()
        }
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "its client certificate has expired".into(),
        Some(Error::InvalidCertificate(error)) => format!("its client certificate is not taken: {error}"),
        Some(Error::AlertReceived(alert)) => {
            format!(
                "it ended the TLS handshake with the alert {alert:?}; does it trust the door's certificate?"
            )
        }
        Some(error) => format!("the TLS handshake failed: {error}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "it hung up within the TLS handshake".into(),
        None => format!("the TLS handshake broke off: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_renewal_is_not_taken_and_a_whole_one_is() {
        let dir = tempfile::tempdir().unwrap();
        let made = || rcgen::generate_simple_self_signed(["door.example".to_owned()]).unwrap();
        let (old, new) = (made(), made());
        let write = |name: &str, text: String| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let certificate = write("door.pem", old.cert.pem());
        let key = write("door.key", old.signing_key.serialize_pem());
        let front = Front::open(ListenTls { certificate, key, client_ca: None }).unwrap();
        let first = front.config.load_full();
        assert!(!front.renew().unwrap());
        // Another length tells as well where the file system's clock is coarse.
        write("door.pem", new.cert.pem() + "\n");
        assert!(matches!(front.renew(), Err(TlsError::Mismatch)));
        assert!(std::sync::Arc::ptr_eq(&first, &front.config.load_full()), "the old one is shown on");
        assert!(!front.renew().unwrap(), "looked at once");
        write("door.key", new.signing_key.serialize_pem() + "\n");
        assert!(front.renew().unwrap());
        assert!(!std::sync::Arc::ptr_eq(&first, &front.config.load_full()));
    }
}
