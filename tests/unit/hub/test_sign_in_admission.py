"""Who is let in, by every rule of the values file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config import ConfigError, load
from qhub_hub.config.models import Config
from qhub_hub.hub.sign_in.admission import refusal
from qhub_hub.identity import Memberships

GITHUB = "provider: github, github: {clientId: x}"
PEOPLE = "users: {ann: {}, root-like: {admin: true}}, groups: {data: {members: [bob]}, gpu: {}}"


def config(tmp_path: Path, sign_in: str, people: str = PEOPLE) -> Config:
    path = tmp_path / "values.yaml"
    path.write_text(f"qhub: {{{people}, signIn: {{{sign_in}}}}}")
    return load(path)


STRICT = Config.model_validate(
    {
        "users": {"ann": {}, "root-like": {"admin": True}},
        "groups": {"data": {"members": ["bob"]}, "gpu": {}, "everyone": {"everyone": True}},
        "sign_in": {"provider": "github", "github": {"client_id": "x"}},
    }
)


@pytest.mark.parametrize(
    ("sign_in", "name", "provided", "admitted"),
    [
        (GITHUB, "ann", (), True),
        (GITHUB, "bob", (), True),
        (GITHUB, "eve", (), False),
        (GITHUB, "eve", ("gpu",), True),
        (GITHUB, "eve", ("undeclared",), False),
        (GITHUB, "eve", ("everyone",), False),
        (GITHUB, "admin", (), False),
        (f"{GITHUB}, allow: everyone", "eve", (), True),
        (f"{GITHUB}, allow: everyone, blocked: [eve]", "eve", (), False),
        (f"{GITHUB}, allow: groups, allowedGroups: [gpu]", "ann", (), False),
        (f"{GITHUB}, allow: groups, allowedGroups: [gpu]", "ann", ("gpu",), True),
        (f"{GITHUB}, allow: groups, allowedGroups: [gpu]", "root-like", (), True),
        (f"{GITHUB}, blocked: [root-like]", "root-like", (), False),
        ("allow: listed", "eve", (), False),
        ("blocked: []", "eve", (), False),
    ],
)
def test_who_is_let_in(tmp_path: Path, sign_in: str, name: str, provided: tuple[str, ...], admitted: bool) -> None:
    sentence = refusal(Memberships(config(tmp_path, sign_in)), name, frozenset(provided))
    assert (sentence == "") == admitted
    assert admitted or name in sentence


def test_everybody_may_use_the_shared_password_only_where_the_file_names_nobody(tmp_path: Path) -> None:
    assert refusal(Memberships(config(tmp_path, "blocked: [eve]", "name: X")), "zoe", frozenset()) == ""
    assert refusal(Memberships(config(tmp_path, "allow: listed", "name: X")), "zoe", frozenset())
    assert refusal(Memberships(config(tmp_path, GITHUB, "name: X")), "zoe", frozenset()), "fails closed"


@given(st.text(max_size=20), st.frozensets(st.sampled_from(["everyone", "Gpu", "gpu ", "other", "gpu/x"])))
def test_a_stranger_in_no_declared_group_is_never_let_in(name: str, provided: frozenset[str]) -> None:
    members = Memberships(STRICT)
    if name not in ("ann", "bob", "root-like"):
        assert refusal(members, name, provided)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("signIn: {provider: github}", "needs github.clientId"),
        ("signIn: {provider: auth0, auth0: {clientId: x}}", "needs auth0.domain"),
        ("signIn: {provider: oidc, oidc: {clientId: x}}", "needs oidc.issuer"),
        ("signIn: {oidc: {tokenUrl: 'https://x'}}", "or none of them"),
        ("signIn: {allow: groups}", "belong together"),
        ("signIn: {provider: native, native: {openSignup: true}}", "needs allow: everyone"),
        ("signIn: {groups: provider}", "knows no groups"),
        ("signIn: {groupNames: {x: nope}}", 'there is no group "nope"'),
        (
            "groups: {g: {members: [ann]}}, signIn: {groups: provider, provider: github, github: {clientId: x}}",
            "groups.g.members: with signIn.groups: provider only the provider says",
        ),
        ("signIn: {github: {clientSecret: [oops]}}", "a list"),
        ("signIn: {oidc: {groupsClaim: []}}", "a claim must be a key"),
        ("signIn: {revocationSeconds: 1}", "10"),
    ],
)
def test_settings_that_can_not_be_meant_are_refused(tmp_path: Path, values: str, words: str) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(f"qhub: {{{values}}}")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert words in str(caught.value)
