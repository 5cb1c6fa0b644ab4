import ssl
import types

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from dask_gateway_server.backends import db_base

from qhub_hub.dask.tls import new_keypair, use_elliptic_keys


def test_the_keys_of_a_cluster_are_elliptic_and_name_it(tmp_path):
    certificate, key = new_keypair("abc123")
    found = x509.load_pem_x509_certificate(certificate)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["abc123", "dask-internal"]
    assert isinstance(found.public_key(), ec.EllipticCurvePublicKey)
    (tmp_path / "both.pem").write_bytes(certificate + key)
    context = ssl.create_default_context(cadata=certificate.decode())
    context.load_cert_chain(tmp_path / "both.pem")  # refuses a key that is not the certificate's


def test_two_clusters_have_different_keys():
    assert new_keypair("a")[1] != new_keypair("b")[1]


def test_the_gateway_makes_its_keys_where_they_are_replaced():
    assert callable(db_base.new_keypair)


def test_a_gateway_that_makes_its_keys_elsewhere_is_noticed():
    with pytest.raises(AttributeError, match="makes no keys"):
        use_elliptic_keys(types.ModuleType("other"))
