//! TLS 1.3 with raw public keys, pinned on both sides (RFC 8446, RFC 7250).
//!
//! Each side shows the key it holds and takes the other's only if it was told of it before: no authority, no name, no time of
//! validity. Sessions are never resumed, so that a router that is unpaired is out.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerIncompatible, ServerConfig, SignatureScheme,
};

use super::identity::{Identity, key_of};
use super::paired::Paired;
use super::words::PROTOCOL;
use crate::model::AgentKey;

/// The other side has another key than it should.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("its key {0} is not one that is let in")]
pub struct Stranger(pub AgentKey);

impl Stranger {
    /// What a handshake failed of, if of this.
    pub fn of(error: &std::io::Error) -> Option<Self> {
        let error: &Error = error.get_ref()?.downcast_ref()?;
        let Error::InvalidCertificate(CertificateError::Other(OtherError(why))) = error else { return None };
        why.downcast_ref().copied()
    }

    fn error(self) -> Error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(self))))
    }
}

/// What an agent shows, and whom it lets in.
///
/// # Errors
/// TLS cannot be set up.
pub fn server(identity: &Identity, paired: Arc<Paired>) -> Result<ServerConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let shown = Arc::new(AlwaysResolvesServerRawPublicKeys::new(identity.certified()));
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(Pins::new(paired, &provider)))
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// What a router shows, and the one agent it takes.
///
/// # Errors
/// TLS cannot be set up.
pub fn client(identity: &Identity, agent: AgentKey) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let shown = Arc::new(AlwaysResolvesClientRawPublicKeys::new(identity.certified()));
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pins::new(agent, &provider)))
        .with_client_cert_resolver(shown);
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Who is taken.
trait Takes: fmt::Debug + Send + Sync {
    fn takes(&self, key: AgentKey) -> bool;
}

impl Takes for AgentKey {
    fn takes(&self, key: AgentKey) -> bool {
        *self == key
    }
}

impl Takes for Arc<Paired> {
    fn takes(&self, key: AgentKey) -> bool {
        self.has(key)
    }
}

/// Judges the other side's key, and that it holds its other half.
#[derive(Debug)]
struct Pins<T> {
    takes: T,
    known: WebPkiSupportedAlgorithms,
}

impl<T: Takes> Pins<T> {
    fn new(takes: T, provider: &CryptoProvider) -> Self {
        Self { takes, known: provider.signature_verification_algorithms }
    }

    fn judge(&self, shown: &CertificateDer<'_>) -> Result<(), Error> {
        let key = key_of(shown);
        if self.takes.takes(key) { Ok(()) } else { Err(Stranger(key).error()) }
    }

    fn signed(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        by: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(shown.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, by, &self.known)
    }
}

/// Earlier versions of TLS are never agreed on.
fn earlier() -> Result<HandshakeSignatureValid, Error> {
    Err(PeerIncompatible::Tls12NotOffered.into())
}

impl<T: Takes> ServerCertVerifier for Pins<T> {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(shown).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        earlier()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        by: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, shown, by)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl<T: Takes> ClientCertVerifier for Pins<T> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(shown).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        earlier()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        by: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, shown, by)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
