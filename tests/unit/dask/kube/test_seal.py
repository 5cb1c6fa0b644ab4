"""Credentials in a cluster's object are of use to nobody who only reads it."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.dask.kube.seal import BrokenSeal, Credentials, Seal

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(TEXT, TEXT, TEXT)
def test_what_was_sealed_comes_back_as_it_was(certificate: str, key: str, token: str) -> None:
    credentials, seal = Credentials(certificate, key, token), Seal("k" * 40)
    assert seal.open(seal.close(credentials, "team.abc"), "team.abc") == credentials


def test_a_sealed_text_shows_nothing() -> None:
    sealed = Seal("k" * 40).close(Credentials("CERTIFICATE", "PRIVATE", "TOKEN"), "team.abc")
    assert not any(word in sealed for word in ("CERTIFICATE", "PRIVATE", "TOKEN"))


@pytest.mark.parametrize("sealed", [None, "", "x", 5, {}, "gAAAAA" + "A" * 200], ids=str)
def test_what_nobody_sealed_is_refused(sealed: object) -> None:
    with pytest.raises(BrokenSeal, match="can't be read"):
        Seal("k" * 40).open(sealed, "team.abc")


@pytest.mark.parametrize(("key", "cluster"), [("other", "team.abc"), ("k" * 40, "team.other")], ids=["key", "cluster"])
def test_another_key_or_another_cluster_opens_nothing(key: str, cluster: str) -> None:
    sealed = Seal("k" * 40).close(Credentials("c", "k", "t"), "team.abc")
    with pytest.raises(BrokenSeal):
        Seal(key).open(sealed, cluster)


def test_the_secret_has_the_keys_that_upstreams_pods_look_for() -> None:
    data = Credentials("c", "k", "t").as_secret_data()
    assert {name: b64decode(text) for name, text in data.items()} == {
        "dask.crt": b"c",
        "dask.pem": b"k",
        "api-token": b"t",
    }
