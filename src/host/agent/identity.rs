//! The key pair by which an agent or a router is known: Ed25519, made by itself at first need, kept in one file.
//!
//! What travels within the handshake is the raw public key (RFC 7250): nothing in it expires, and nobody has to sign it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use crate::files::{Lasts, put_new};
use crate::model::AgentKey;

/// The router's file in its state directory.
pub const ROUTER: &str = "router.key";
/// The agent's file in its state directory.
pub const AGENT: &str = "agent.key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("the key {} cannot be {what}: {source}", path.display())]
    File {
        /// `read` or `written`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something else in it.
    #[error(
        "{} holds no Ed25519 key; remove it and a new one is made, with which everybody has to be paired anew",
        .0.display()
    )]
    NoKey(PathBuf),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a key")]
    Random,
}

/// A key pair.
#[derive(Debug, Clone)]
pub struct Identity {
    key: AgentKey,
    certified: Arc<CertifiedKey>,
}

impl Identity {
    /// The one of this file, which is made if it is not there: readable by the owner of its directory alone.
    pub fn open(directory: &Path, name: &str) -> Result<Self, IdentityError> {
        let path = directory.join(name);
        let error = |what: &'static str, source| IdentityError::File { what, path: path.clone(), source };
        let text = match fs::read_to_string(&path) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                let fresh = fresh()?;
                match put(&path, &fresh) {
                    Ok(()) => fresh,
                    // Another process was faster; its key is the one.
                    Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                        fs::read_to_string(&path).map_err(|source| error("read", source))?
                    }
                    Err(source) => return Err(error("written", source)),
                }
            }
            read => read.map_err(|source| error("read", source))?,
        };
        Self::of(&text).ok_or_else(|| IdentityError::NoKey(path.clone()))
    }

    fn of(pem: &str) -> Option<Self> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        let PrivateKeyDer::Pkcs8(der) = der else { return None };
        let signing = any_eddsa_type(&PrivatePkcs8KeyDer::from(der.secret_pkcs8_der())).ok()?;
        let public = signing.public_key()?.to_vec();
        let key = key_of(&public);
        Some(Self {
            key,
            certified: Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], signing)),
        })
    }

    /// What the public key is known by.
    pub fn key(&self) -> AgentKey {
        self.key
    }

    /// Both keys, for the handshake.
    pub fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }
}

/// What a `SubjectPublicKeyInfo` is known by.
pub fn key_of(spki: &[u8]) -> AgentKey {
    let mut key = AgentKey([0; 32]);
    key.0.copy_from_slice(digest(&SHA256, spki).as_ref());
    key
}

fn fresh() -> Result<String, IdentityError> {
    let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| IdentityError::Random)?;
    let body = STANDARD.encode(pair.as_ref());
    let lines: Vec<&str> = body.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
}

/// Whole or not at all, and never in another's place. The directory's owner is to be able to read it, whoever makes it.
fn put(path: &Path, text: &str) -> io::Result<()> {
    put_new(path, 0o600, Lasts::Power, |file| file.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::open(dir.path(), AGENT).unwrap();
        let again = Identity::open(dir.path(), AGENT).unwrap();
        let other = Identity::open(dir.path(), ROUTER).unwrap();
        assert_eq!(first.key(), again.key());
        assert_ne!(first.key(), other.key());
        let mode = fs::metadata(dir.path().join(AGENT)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left over");
        assert!(put(&dir.path().join(AGENT), "x").is_err(), "no key is written over");
        assert_eq!(Identity::open(dir.path(), AGENT).unwrap().key(), first.key());
    }

    #[test]
    fn a_file_that_holds_no_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(AGENT), "nothing").unwrap();
        let told = Identity::open(dir.path(), AGENT).unwrap_err().to_string();
        assert!(told.contains("agent.key holds no Ed25519 key"), "{told}");
        let nowhere = Identity::open(&dir.path().join("none"), AGENT).unwrap_err().to_string();
        assert!(nowhere.contains("cannot be written"), "{nowhere}");
    }
}
