//! TLS of the connections. The driver asks for a certificate of the node's IP address; certificates that carry names
//! instead are accepted under the names that the caller gives, and under no others.

use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::failure::{Failure, Status};

/// Distinct certificates are kept up to this number.
const SEEN_MAX: usize = 1024;

/// A certificate that a server has shown, as DER, and the name or address that was connected to.
pub struct Certificate {
    pub server: String,
    pub der: Vec<u8>,
}

/// Those that were accepted. None is ever taken out: they stay where they are.
#[derive(Default)]
pub struct Seen(Mutex<Vec<Arc<Certificate>>>);

impl Seen {
    fn add(&self, server: &ServerName<'_>, der: &CertificateDer<'_>) {
        let server = server.to_str();
        let mut all = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if all.len() < SEEN_MAX && !all.iter().any(|one| one.server == server && one.der == der.as_ref()) {
            all.push(Arc::new(Certificate { server: server.into_owned(), der: der.to_vec() }));
        }
    }

    pub fn all(&self) -> Vec<Arc<Certificate>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} certificates", self.all().len())
    }
}

pub struct Settings {
    pub insecure: bool,
    pub ca: Option<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
    pub server_names: Vec<String>,
    pub seen: Arc<Seen>,
}

fn refuse(what: String) -> Failure {
    Failure::new(Status::Tls, what)
}

pub fn client_config(settings: &Settings) -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if settings.insecure {
        Arc::new(AnyCertificate { provider: provider.clone(), seen: settings.seen.clone() })
    } else {
        let names = settings
            .server_names
            .iter()
            .map(|name| {
                ServerName::try_from(name.clone()).map_err(|_| refuse(format!("'{name}' is no name of a server")))
            })
            .collect::<Result<_, _>>()?;
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(settings)?), provider.clone())
            .build()
            .map_err(|error| refuse(error.to_string()))?;
        Arc::new(NamedCertificate { inner, names, seen: settings.seen.clone() })
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match (&settings.cert, &settings.key) {
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates(cert)?, private_key(key)?)
            .map_err(|error| refuse(format!("{cert} with {key}: {error}")))?,
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read = CertificateDer::pem_file_iter(path).and_then(|items| items.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(refuse(format!("{path}: there is no certificate in this PEM file"))),
        Err(error) => Err(refuse(format!("{path}: {error}"))),
    }
}

fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, Failure> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| refuse(format!("{path}: {error}")))
}

fn roots(settings: &Settings) -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    match &settings.ca {
        Some(path) => {
            for certificate in certificates(path)? {
                store.add(certificate).map_err(|error| refuse(format!("{path}: {error}")))?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(refuse("the system has no trusted certificates; name a CA".into()));
            }
        }
    }
    Ok(store)
}

/// Verified against the CA, the node's address, and the names given.
#[derive(Debug)]
struct NamedCertificate {
    inner: Arc<WebPkiServerVerifier>,
    names: Vec<ServerName<'static>>,
    seen: Arc<Seen>,
}

impl ServerCertVerifier for NamedCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |name| self.inner.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
        let verified = match verify(server_name) {
            Err(_) if self.names.iter().any(|name| verify(name).is_ok()) => Ok(ServerCertVerified::assertion()),
            by_address => by_address,
        };
        if verified.is_ok() {
            self.seen.add(server_name, end_entity);
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whatever the server shows; only on the caller's explicit word.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    seen: Arc<Seen>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.seen.add(server_name, end_entity);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
