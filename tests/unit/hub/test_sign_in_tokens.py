"""ID tokens that an attacker could write are refused; so are secrets that would travel in the open."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from qhub_hub.config.models.sign_in import Client
from qhub_hub.hub.sign_in.client import client_secret, require_safe
from qhub_hub.hub.sign_in.id_tokens import UnknownKey, verified_subject
from qhub_hub.hub.sign_in.oauth import has_expired
from qhub_hub.hub.sign_in.refusals import BadAnswer, SettingsError

ISSUER, CLIENT = "https://id.example.org", "hub"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """The provider's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def keys(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """What the provider publishes."""
    return {"keys": [{**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": "one"}]}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    stated = {"iss": ISSUER, "aud": CLIENT, "sub": "ann", "iat": now, "exp": now + 60, **changes}
    return {name: value for name, value in stated.items() if value is not None}


def test_a_good_token_says_who_it_is_about(key: rsa.RSAPrivateKey, keys: dict[str, Any]) -> None:
    token = jwt.encode(claims(), key, "RS256", headers={"kid": "one"})
    assert verified_subject(token, keys, issuer=ISSUER, client_id=CLIENT) == "ann"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"aud": [CLIENT, "other"]},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"iat": 2**40},
        {"nbf": 2**40},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(
    key: rsa.RSAPrivateKey, keys: dict[str, Any], changes: dict[str, Any]
) -> None:
    token = jwt.encode(claims(**changes), key, "RS256", headers={"kid": "one"})
    with pytest.raises(BadAnswer) as caught:
        verified_subject(token, keys, issuer=ISSUER, client_id=CLIENT)
    assert token not in caught.value.message


def test_a_token_signed_with_the_public_key_as_a_password_is_refused(keys: dict[str, Any]) -> None:
    password = keys["keys"][0]["n"].encode()
    token = jwt.encode(claims(), password, "HS256", headers={"kid": "one"})
    with pytest.raises(BadAnswer, match="not signed in a way"):
        verified_subject(token, keys, issuer=ISSUER, client_id=CLIENT)


@pytest.mark.parametrize("token", [None, "", "a.b.c", "x" * 10_000, 7, b"bytes"], ids=str)
def test_what_is_no_token_is_refused(keys: dict[str, Any], token: object) -> None:
    with pytest.raises(BadAnswer):
        verified_subject(token, keys, issuer=ISSUER, client_id=CLIENT)


@pytest.mark.parametrize("published", [{}, {"keys": []}, {"keys": "x"}, {"keys": [{"kty": "?"}]}], ids=str)
def test_without_the_providers_key_nothing_is_believed(key: rsa.RSAPrivateKey, published: dict[str, Any]) -> None:
    token = jwt.encode(claims(), key, "RS256", headers={"kid": "one"})
    with pytest.raises(UnknownKey):
        verified_subject(token, published, issuer=ISSUER, client_id=CLIENT)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://id.example.org/", True),
        ("http://127.0.0.1:8000", True),
        ("http://id.example.org", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.0.0.1@evil.example", False),
        ("ftp://x", False),
        ("", False),
    ],
)
def test_secrets_travel_encrypted_or_not_at_all(url: str, safe: bool) -> None:
    if safe:
        assert require_safe(url, "issuer") == url.rstrip("/")
    else:
        with pytest.raises(SettingsError, match="https"):
            require_safe(url, "issuer")


def test_the_secret_comes_from_its_file_then_the_values_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text("from file\n")
    monkeypatch.setenv("QHUB_CLIENT_SECRET", "from environment")
    assert client_secret(Client(secret_file=str(file), client_secret="stated")) == "from file"
    assert client_secret(Client(client_secret="stated")) == "stated"
    assert client_secret(Client()) == "from environment"
    assert "stated" not in repr(Client(client_secret="stated"))
    monkeypatch.delenv("QHUB_CLIENT_SECRET")
    with pytest.raises(SettingsError, match="QHUB_CLIENT_SECRET"):
        client_secret(Client())
    with pytest.raises(SettingsError, match=str(tmp_path / "none")):
        client_secret(Client(secret_file=str(tmp_path / "none")))


@pytest.mark.parametrize(
    ("token", "expired"),
    [
        ({"expires_in": 60, "obtained_at": 1000}, False),
        ({"expires_in": "60", "obtained_at": 900}, True),
        ({"expires_in": None, "obtained_at": 900}, False),
        ({}, False),
        ({"expires_in": "soon", "obtained_at": 900}, False),
    ],
)
def test_only_a_stated_lifetime_ends(token: dict[str, Any], expired: bool) -> None:
    assert has_expired(token, now=1000) is expired
