//! TCP, which is only to be had with certificates on both sides.

use std::{fs, path::Path};

use braid_controller::ControllerConfig;
use braid_proto::{
    Address, TlsFiles,
    v1::{self, network_service_client::NetworkServiceClient},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::bench::{Bench, Running};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Files of one party, whose certificate is from `ours`, and who trusts `ours`.
fn party(dir: &Path, name: &str, ours: &Authority) -> TlsFiles {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, ours).unwrap();
    let write = |what: &str, text: String| {
        let path = dir.join(format!("{name}.{what}.pem"));
        fs::write(&path, text).unwrap();
        path
    };
    TlsFiles {
        ca: write("ca", ours.pem()),
        cert: write("cert", cert.pem()),
        key: write("key", key.serialize_pem()),
    }
}

fn config(bench: &Bench, tls: Option<TlsFiles>) -> ControllerConfig {
    let listen = Address::Tcp { host: "localhost".into(), port: 0 };
    ControllerConfig { listen, tls, ..bench.config() }
}

#[tokio::test]
async fn a_client_with_a_certificate_of_the_authority_is_served_and_no_other() {
    let bench = Bench::new();
    let ours = authority();
    let server = party(bench.dir.path(), "server", &ours);
    let running = Running::start(config(&bench, Some(server))).await.unwrap();
    let ask = |channel| async move {
        NetworkServiceClient::new(channel)
            .get_status(v1::GetStatusRequest {})
            .await
            .map(|r| r.into_inner().network)
    };

    let client = party(bench.dir.path(), "client", &ours);
    let channel = running.address.connect(Some(&client)).await.unwrap();
    assert_eq!(ask(channel).await.unwrap(), "ring");

    // Without a certificate. The handshake of TLS 1.3 may end before the server's refusal is seen: the first call does not.
    let Address::Tcp { port, .. } = running.address.clone() else { panic!("not TCP") };
    let tls =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ours.pem())).domain_name("localhost");
    let endpoint =
        Endpoint::from_shared(format!("https://localhost:{port}")).unwrap().tls_config(tls).unwrap();
    if let Ok(channel) = endpoint.connect().await {
        assert!(ask(channel).await.is_err());
    }
    // With one of another authority, though it trusts ours.
    let mut stranger = party(bench.dir.path(), "stranger", &authority());
    stranger.ca = client.ca.clone();
    if let Ok(channel) = running.address.connect(Some(&stranger)).await {
        assert!(ask(channel).await.is_err());
    }
    // Without TLS at all.
    let plain = Endpoint::from_shared(format!("http://localhost:{port}")).unwrap();
    if let Ok(channel) = plain.connect().await {
        assert!(ask(channel).await.is_err());
    }

    let channel = running.address.connect(Some(&client)).await.unwrap();
    assert_eq!(ask(channel).await.unwrap(), "ring");
    running.stop().await;
}

#[tokio::test]
async fn tcp_without_usable_certificates_does_not_start() {
    let bench = Bench::new();
    let start =
        |tls| async { Running::start(config(&bench, tls)).await.err().expect("an error").to_string() };
    let error = start(None).await;
    assert!(error.contains("needs mutual TLS") && error.contains("--tls-ca"), "{error}");
    let mut files = party(bench.dir.path(), "server", &authority());
    files.key = bench.dir.path().join("nowhere.pem");
    let error = start(Some(files.clone())).await;
    assert!(error.contains("cannot read") && error.contains("nowhere.pem"), "{error}");
    fs::write(&files.key, "no key").unwrap();
    let error = start(Some(files)).await;
    assert!(error.contains("cannot be used") && error.contains("nowhere.pem"), "{error}");
}
