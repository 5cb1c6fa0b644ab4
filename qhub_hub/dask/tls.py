"""Keys of clusters: elliptic ones, which cost a hundredth of the gateway's RSA keys."""

from datetime import UTC, datetime, timedelta
from types import ModuleType

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_VALID = timedelta(days=365)  # no cluster lives that long
_EARLIER = timedelta(minutes=5)  # for machines whose clocks differ


def new_keypair(cluster: str) -> tuple[bytes, bytes]:
    """Certificate and private key of one cluster, both PEM; the certificate is signed with the key itself.

    RSA keys are made on the gateway's event loop and take 60 to 200 ms each, so that hundreds of people at once wait
    for one another (facts/dask-gateway.md §0). These take half a millisecond.

    Args:
        cluster: its name, by which the proxy finds it (SNI).
    """
    key = ec.generate_private_key(ec.SECP256R1())
    # Dask asks for this name whatever host it connects to.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dask-internal")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(cluster), x509.DNSName("dask-internal")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), private


def use_elliptic_keys(module: ModuleType) -> None:
    """Have a module of the gateway make these keys: `db_base` or the controller, which have no setting for it.

    Raises:
        AttributeError: this release makes its keys elsewhere.
    """
    if not hasattr(module, "new_keypair"):
        raise AttributeError(f"{module.__name__} of this dask-gateway-server makes no keys; qhub_hub.dask needs 2026.3")
    module.new_keypair = new_keypair  # type: ignore[attr-defined]
