"""Google's directory says which groups somebody is in, or nothing is believed."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from qhub_hub.hub.sign_in.google_directory import Directory, service_account
from qhub_hub.hub.sign_in.refusals import SettingsError, SignInRefused
from qhub_hub.testing.identity_provider import IdentityProvider


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """Plays Google."""
    running = IdentityProvider().start()
    yield running
    running.stop()


@pytest.fixture
async def directory(provider: IdentityProvider, tmp_path: Path) -> AsyncIterator[Directory]:
    """The directory of example.org, as its service account reads it."""
    key = provider.directory.write_key_file(tmp_path / "key.json", provider.url)
    client = AsyncHTTPClient(force_instance=True)

    async def fetch(url: str, label: str, **request: Any) -> Any:
        return json.loads((await client.fetch(url, **request)).body)

    provider.requests.clear()
    yield Directory({"example.org": str(key)}, {"example.org": "admin"}, provider.url, fetch)
    provider.directory.administrator = "admin@example.org"
    provider.faults.outage = False
    client.close()


async def test_groups_of_all_pages_and_a_token_that_is_used_again(
    directory: Directory, provider: IdentityProvider
) -> None:
    many = [f"group-{number:03}" for number in range(100)]
    provider.add("ann", *many)
    for _ in range(2):
        assert await directory.groups("ann@example.org", "example.org") == many
    assert provider.requests["/service-account/token"] == 1


async def test_somebody_in_no_group_is_in_none(directory: Directory, provider: IdentityProvider) -> None:
    provider.add("bob")
    assert await directory.groups("bob@example.org", "example.org") == []


async def test_a_group_of_another_domain_is_not_taken_for_one_of_ours(
    directory: Directory, provider: IdentityProvider
) -> None:
    provider.add("ann", "Admins@other.example", "gpu")
    assert await directory.groups("ann@example.org", "example.org") == ["admins@other.example", "gpu"]


async def test_somebody_whom_the_directory_does_not_know_is_signed_out(directory: Directory) -> None:
    with pytest.raises(SignInRefused, match="does not know nobody") as refused:
        await directory.groups("nobody@example.org", "example.org")
    assert refused.value.final


@pytest.mark.parametrize("when", ["before", "while it is in use"])
async def test_a_right_that_was_taken_away_ends_no_server_and_can_be_given_back(
    directory: Directory, provider: IdentityProvider, when: str
) -> None:
    provider.add("ann", "gpu")
    if when != "before":
        await directory.groups("ann@example.org", "example.org")
    provider.directory.administrator = ""
    with pytest.raises(SignInRefused, match="QHub may not read the groups of") as refused:
        await directory.groups("ann@example.org", "example.org")
    assert not refused.value.final
    provider.directory.administrator = "admin@example.org"
    assert await directory.groups("ann@example.org", "example.org") == ["gpu"]


async def test_an_outage_is_left_to_whoever_asks(directory: Directory, provider: IdentityProvider) -> None:
    provider.faults.outage = True
    with pytest.raises(HTTPClientError):
        await directory.groups("ann@example.org", "example.org")


@pytest.mark.parametrize(
    "content",
    [
        None,
        "no JSON",
        "[]",
        "{}",
        '{"client_email": "a", "private_key_id": "b", "private_key": "c", "token_uri": "https://x"}',
    ],
    ids=["missing", "text", "list", "empty", "no key"],
)
def test_what_is_no_key_file_stops_the_start_with_a_sentence(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match="as the key file of a service account"):
        service_account(str(path))


def test_a_key_file_whose_token_would_travel_in_the_open_is_refused(provider: IdentityProvider, tmp_path: Path) -> None:
    path = provider.directory.write_key_file(tmp_path / "key.json", "http://elsewhere.example")
    with pytest.raises(SettingsError, match="https"):
        service_account(str(path))
