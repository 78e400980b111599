//! TLS towards the beacons.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::ConfigVerifierExt;

use crate::model::Beacon;
use crate::router::UpstreamError;

/// The client configuration for one beacon: the system's roots, or the beacon's own bundle instead.
pub fn client(beacon: &Beacon) -> Result<ClientConfig, UpstreamError> {
    let error = |why: String| UpstreamError::CaFile { beacon: beacon.name.clone(), why };
    let Some(path) = &beacon.ca_file else {
        return ClientConfig::with_platform_verifier().map_err(|source| error(source.to_string()));
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|source| error(source.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|source| error(source.to_string()))?;
        roots.add(certificate).map_err(|source| error(source.to_string()))?;
    }
    if roots.is_empty() {
        return Err(error("it holds no certificate".to_owned()));
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
