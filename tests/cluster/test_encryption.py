"""HTTPS by the proxy itself, with a certificate from a Secret."""

import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster.release import Doorway, Release

VALUES = """
qhub:
  signIn: {allow: everyone}
  profiles: {small: {cpu: {guarantee: 0.05, limit: 1}, memory: {guarantee: "128Mi", limit: "1Gi"}, order: 1}}
jupyterhub:
  proxy: {https: {enabled: true, type: secret, secret: {name: hub-tls}}}
"""


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, and its key, as files."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
    begun = datetime.now(UTC) - timedelta(minutes=1)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(begun).not_valid_after(begun + timedelta(days=1)).add_extension(here, critical=False)
    certificate, private = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


def test_the_proxy_encrypts_and_leads_whoever_comes_in_the_clear_there(
    new_release: Callable[..., Release], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = new_release("tls").encrypted()
    certificate, private = write_certificate(tmp_path)
    release.kubectl("create", "secret", "tls", "hub-tls", f"--cert={certificate}", f"--key={private}")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    release.install(VALUES)
    nora = release.started("nora", profile="small")
    assert nora.open_server().status_code == 200
    # Those of JupyterHub 6.1 against forged requests are not, but sign nobody in.
    signed_in = [cookie for cookie in nora.http.cookies.jar if cookie.name != "_xsrf"]
    assert all(cookie.secure for cookie in signed_in), "a cookie would be sent in the clear"
    plain = Doorway(release.namespace)
    try:
        answer = httpx.get(f"{plain.address}/hub/login")
        assert (answer.status_code, answer.headers["location"][:8]) == (301, "https://")
    finally:
        plain.close()
    monkeypatch.setenv("SSL_CERT_FILE", ssl.get_default_verify_paths().openssl_cafile)
    with pytest.raises(httpx.ConnectError, match="certificate"):
        httpx.get(release.address)
