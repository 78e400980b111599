//! What a door shows its clients: certificate, key, and whom it lets in by certificate.
//!
//! Owns how PEM text becomes a server's configuration of TLS, and every word about why it does not. It reads files only in
//! [`read`]; who asks, when, and what becomes of the old configuration is others' business.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, Error, InconsistentKeys, RootCertStore, ServerConfig};
use thiserror::Error;

use crate::model::{ListenTls, UnixMs};

/// What clients and doors agree on within the handshake, the better first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// A moment after any certificate's end (9999-12-31, the latest that RFC 5280, 4.1.2.5, knows).
const END_OF_TIME: u64 = 253_402_300_800;

/// The three files, as text.
#[derive(Debug, Clone, Copy)]
pub struct Pem<'a> {
    /// The door's certificate first, then those between it and the root.
    pub certificate: &'a str,
    /// Its key.
    pub key: &'a str,
    /// Authorities one of which must have signed a client's certificate; none: clients need no certificate.
    pub client_ca: Option<&'a str>,
}

/// A usable configuration and for how long clients take its certificate.
#[derive(Debug, Clone)]
pub struct Server {
    /// The configuration.
    pub config: Arc<ServerConfig>,
    /// The certificate's time.
    pub life: Life,
    /// Why strict clients (webpki, that is those in Rust) refuse the certificate whoever signed it.
    pub oddity: Option<String>,
}

/// From when to when a certificate is valid, seconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Valid from then on.
    pub from: u64,
    /// Not valid any more after then.
    pub until: u64,
}

impl Life {
    /// Why clients refuse it now; none if they do not.
    pub fn fault(self, now: UnixMs) -> Option<String> {
        let now = now.0 / 1_000;
        if now > self.until {
            return Some(format!("the certificate expired on {}", date(self.until)));
        }
        (now < self.from).then(|| format!("the certificate is not valid before {}", date(self.from)))
    }
}

/// Which of the files is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `certificate`.
    Certificate,
    /// `key`.
    Key,
    /// `client-ca`.
    ClientCa,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        part: Part,
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file has no certificate in it.
    #[error("no certificate in it")]
    NoCertificate(Part),
    /// There is no key in the file.
    #[error("no private key in it")]
    NoKey,
    /// The key has a passphrase.
    #[error("the private key is encrypted")]
    Encrypted,
    /// The key is of no use.
    #[error("the private key cannot be used")]
    BadKey(#[source] Error),
    /// A certificate is of no use.
    #[error("a certificate in it cannot be used")]
    BadCertificate(Part, #[source] Error),
    /// Key and certificate are not of one pair.
    #[error("the key does not belong to the certificate")]
    Mismatch,
    /// The system's part of it.
    #[error("TLS cannot be set up")]
    Setup(#[source] Error),
}

impl TlsError {
    /// Which file to look at.
    pub fn part(&self) -> Part {
        match self {
            Self::Read { part, .. } | Self::NoCertificate(part) | Self::BadCertificate(part, _) => *part,
            Self::NoKey | Self::Encrypted | Self::BadKey(_) | Self::Mismatch | Self::Setup(_) => Part::Key,
        }
    }

    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "the file must be readable by the user that runs beacondeck",
            Self::NoCertificate(Part::ClientCa) => {
                "a PEM bundle of the authorities that sign clients is needed"
            }
            Self::NoCertificate(_) => {
                "a PEM file is needed: the door's own certificate first, then the chain"
            }
            Self::NoKey => "a PEM file with one PKCS#8, PKCS#1 or SEC1 key is needed",
            Self::Encrypted => {
                "nobody is there to type a passphrase; write it out once with `openssl pkey -in FILE -out FILE`"
            }
            Self::BadKey(_) => "RSA from 2048 bits on, P-256, P-384 and Ed25519 are understood",
            Self::BadCertificate(..) => "look at it with `openssl x509 -text -noout -in FILE`",
            Self::Mismatch => {
                "both come from one request; in a bundle the door's own certificate must be the first"
            }
            Self::Setup(_) => "the log says more",
        }
    }
}

/// Text to configuration.
///
/// # Errors
/// The first of the three that cannot be used, and why. That a certificate has expired is no error: see [`Life::fault`].
pub fn server(pem: Pem<'_>) -> Result<Server, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(pem.certificate, Part::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes())
        .map_err(|_| if pem.key.contains("ENCRYPTED") { TlsError::Encrypted } else { TlsError::NoKey })?;
    let leaf = ParsedCertificate::try_from(&chain[0])
        .map_err(|source| TlsError::BadCertificate(Part::Certificate, source))?;
    let (life, oddity) = judge(&leaf, &provider);
    provider.key_provider.load_private_key(key.clone_key()).map_err(TlsError::BadKey)?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?;
    let builder = match pem.client_ca {
        None => builder.with_no_client_auth(),
        Some(text) => {
            let roots = Arc::new(authorities(text)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            // It fails for an empty bundle only, which is seen before.
            builder.with_client_cert_verifier(verifier.map_err(|_| TlsError::NoCertificate(Part::ClientCa))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch,
        source => TlsError::BadCertificate(Part::Certificate, source),
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Server { config: Arc::new(config), life, oddity })
}

/// Files to configuration; blocks on the disk.
///
/// # Errors
/// A file cannot be read, or those of [`server`].
pub fn read(files: &ListenTls) -> Result<Server, TlsError> {
    let text = |part: Part, path: &Path| {
        let path_text = || path.display().to_string();
        std::fs::read_to_string(path).map_err(|source| TlsError::Read { part, path: path_text(), source })
    };
    let certificate = text(Part::Certificate, &files.certificate)?;
    let key = text(Part::Key, &files.key)?;
    let client_ca = files.client_ca.as_ref().map(|path| text(Part::ClientCa, path)).transpose()?;
    server(Pem { certificate: &certificate, key: &key, client_ca: client_ca.as_deref() })
}

fn certificates(text: &str, part: Part) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match read {
        Ok(list) if !list.is_empty() => Ok(list),
        _ => Err(TlsError::NoCertificate(part)),
    }
}

fn authorities(text: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text, Part::ClientCa)? {
        roots.add(certificate).map_err(|source| TlsError::BadCertificate(Part::ClientCa, source))?;
    }
    Ok(roots)
}

/// Asks what clients ask. With no authority known every answer is a refusal, and which one it is tells: the
/// certificate's own properties are looked at before its signer.
fn judge(leaf: &ParsedCertificate<'_>, provider: &CryptoProvider) -> (Life, Option<String>) {
    let at = |second: u64| {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(second));
        let known = provider.signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(leaf, &RootCertStore::empty(), &[], now, known) {
            Err(Error::InvalidCertificate(error)) => Some(error),
            _ => None,
        }
    };
    let from = match at(0) {
        Some(CertificateError::NotValidYetContext { not_before, .. }) => not_before.as_secs(),
        _ => 0,
    };
    let until = match at(END_OF_TIME) {
        Some(CertificateError::ExpiredContext { not_after, .. }) => not_after.as_secs(),
        _ => END_OF_TIME,
    };
    let oddity = at(from).filter(|error| *error != CertificateError::UnknownIssuer);
    (Life { from, until }, oddity.map(|error| error.to_string()))
}

/// A day of Unix time as `2026-01-31` (days to civil dates: Hinnant, "chrono-compatible low-level date algorithms").
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + u64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd};

    use super::*;

    fn pair(change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["door.example".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2024, 2, 29), date_time_ymd(2025, 1, 1));
        change(&mut params);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn fails(certificate: &str, key: &str, client_ca: Option<&str>) -> (Part, String) {
        let error = server(Pem { certificate, key, client_ca }).unwrap_err();
        assert!(!error.hint().is_empty());
        (error.part(), error.to_string())
    }

    #[test]
    fn a_pair_is_taken_and_its_time_is_told() {
        let (certificate, key) = pair(|_| {});
        let taken =
            server(Pem { certificate: &certificate, key: &key, client_ca: Some(&certificate) }).unwrap();
        assert_eq!(taken.oddity, None);
        let fault = |day: u64| taken.life.fault(UnixMs(day * 86_400_000));
        // 2024-02-29 is day 19782 of Unix time, 2025-01-01 is day 20089.
        assert_eq!(fault(19_781).unwrap(), "the certificate is not valid before 2024-02-29");
        assert_eq!((fault(19_782), fault(20_088)), (None, None));
        assert_eq!(fault(20_090).unwrap(), "the certificate expired on 2025-01-01");
        assert_eq!(taken.config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }

    #[test]
    fn each_wrong_file_is_named() {
        let (certificate, key) = pair(|_| {});
        let (_, other) = pair(|_| {});
        let broken = certificate.replace("MII", "AAA");
        assert_eq!(fails(&key, &key, None), (Part::Certificate, "no certificate in it".into()));
        assert_eq!(fails(&certificate, &certificate, None), (Part::Key, "no private key in it".into()));
        assert_eq!(fails(&certificate, &other, None).1, "the key does not belong to the certificate");
        assert_eq!(fails(&broken, &key, None).0, Part::Certificate);
        assert_eq!(fails(&certificate, &key, Some("")), (Part::ClientCa, "no certificate in it".into()));
        assert_eq!(fails(&certificate, &key, Some(&broken)).0, Part::ClientCa);
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert_eq!(fails(&certificate, locked, None).1, "the private key is encrypted");
        let junk = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert_eq!(fails(&certificate, junk, None).1, "the private key cannot be used");
    }

    #[test]
    fn what_strict_clients_refuse_is_odd() {
        let oddity = |change: fn(&mut CertificateParams)| {
            let (certificate, key) = pair(change);
            server(Pem { certificate: &certificate, key: &key, client_ca: None }).unwrap().oddity
        };
        let authority = oddity(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
        assert!(authority.unwrap().contains("CaUsedAsEndEntity"));
        let client = oddity(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
        assert!(client.is_some());
        let both = oddity(|params| {
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        });
        assert_eq!(both, None);
    }

    #[test]
    fn days_have_dates() {
        for (day, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(day * 86_400), text);
        }
    }
}
