"""What a provider may answer, good and bad, and what the person at the door reads."""

import unicodedata
from collections.abc import Callable

import pytest

from qhub_hub.testing.identity_provider import IdentityProvider
from qhub_hub.testing.one_machine import RunningHub

from .conftest import Visitor, sentence

pytestmark = [pytest.mark.root]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("wrong_audience", "made for another application"),
        ("wrong_issuer", "made by somebody else"),
        ("tampered_signature", "its signature is wrong"),
        ("unsigned_token", "not signed in a way that can be trusted"),
        ("unknown_key", "signed with an unknown key"),
        ("expired_id_token", "it is too old"),
        ("no_id_token", "sent no ID token"),
        ("stranger_in_userinfo", "answered about somebody else"),
        ("garbage", "an answer that can't be used"),
        ("outage", "does not answer"),
    ],
)
def test_a_bad_token_or_answer_is_refused_with_a_sentence(
    hub: RunningHub, provider: IdentityProvider, visitor: Callable[..., Visitor], fault: str, words: str
) -> None:
    provider.add("mallory")
    mallory = visitor(hub, "mallory")
    start = mallory.http.get("/hub/oauth_login")
    setattr(provider.faults, fault, True)
    if fault == "outage":  # it ends between the login page and the exchange of the code
        provider.faults.outage = False
        at_provider = mallory.http.post(
            start.url, data={"name": "mallory", "password": "open sesame"}, follow_redirects=False
        )
        provider.faults.outage = True
        answer = mallory.http.get(at_provider.headers["location"])
    else:
        answer = mallory.http.post(start.url, data={"name": "mallory", "password": "open sesame"})
    assert answer.status_code == (503 if fault == "outage" else 403)
    assert words in sentence(answer)
    assert mallory.http.get("/hub/home", follow_redirects=False).status_code == 302, "nobody is signed in"


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (..., "its answer has no claim groups"),
        ("gpu", "must be a list of names, but is a text"),
        ({"gpu": True}, "must be a list of names, but is a map"),
        (None, "must be a list of names, but is nothing"),
        ([["gpu"]], "a list with something else in it"),
    ],
    ids=["missing", "text", "map", "null", "nested"],
)
def test_a_groups_claim_of_the_wrong_type_is_not_read_as_no_groups(
    hub: RunningHub, provider: IdentityProvider, visitor: Callable[..., Visitor], groups: object, words: str
) -> None:
    provider.add("carl", groups=groups)
    answer = visitor(hub, "carl").knock()
    assert answer.status_code == 403
    assert words in sentence(answer)


@pytest.mark.parametrize("name", ["root", "a/b", "..", "x" * 300], ids=["root", "slash", "dots", "long"])
def test_a_name_that_nobody_can_have_is_refused_with_a_sentence(
    hub: RunningHub, provider: IdentityProvider, visitor: Callable[..., Visitor], name: str
) -> None:
    provider.add("eve", preferred_username=name)
    answer = visitor(hub, "eve").knock()
    assert answer.status_code == 403
    assert "name" in sentence(answer)
    assert "Traceback" not in answer.text


def test_a_sign_in_that_is_cancelled_or_forged_repeats_nothing_of_the_address(
    hub: RunningHub, visitor: Callable[..., Visitor]
) -> None:
    answer = visitor(hub, "x").http.get(
        "/hub/oauth_callback", params={"error": "access_denied", "error_description": "Call 0900-EVIL"}
    )
    assert answer.status_code == 403
    assert "You did not permit it there" in sentence(answer)
    assert "EVIL" not in answer.text
    assert visitor(hub, "x").http.get("/hub/oauth_callback", params={"code": "a", "state": "b"}).status_code == 400


def test_three_hundred_groups_of_every_kind_give_only_those_that_are_declared(
    hub: RunningHub, provider: IdentityProvider, visitor: Callable[..., Visitor]
) -> None:
    many = [f"/acme/dept.{number}/Äpfel & Öl: «{number}»" for number in range(298)]
    provider.add("zoe", *many, "gpu", unicodedata.normalize("NFD", "/lab/Zürich"))
    zoe = visitor(hub, "zoe")
    assert zoe.knock().status_code == 200
    assert sorted(zoe.api("GET", "/user").json()["groups"]) == ["/lab/Zürich", "gpu"]
