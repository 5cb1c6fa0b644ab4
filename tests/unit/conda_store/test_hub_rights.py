"""What the hub says somebody may do in conda-store."""

from typing import Any

import pytest

from qhub_hub.config.models import Config
from qhub_hub.hub.conda_store import rights
from qhub_hub.identity.model import Group, Identity


def identity(*groups: str) -> Identity:
    members = tuple(Group(name, name, 70_000 + number) for number, name in enumerate(groups))
    return Identity("ann", "ann", 100_000, 100_000, members, "ann", "/home/ann")


@pytest.mark.parametrize(
    ("values", "groups", "build", "see"),
    [
        ({}, [], ["user-ann"], ["global", "user-ann"]),
        ({}, ["data"], ["group-data", "user-ann"], ["global", "group-data", "user-ann"]),
        (
            {"geo": {"allowedGroups": ["data"]}},
            ["data"],
            ["group-data", "user-ann"],
            ["geo", "global", "group-data", "user-ann"],
        ),
        ({"geo": {"allowedGroups": ["data"]}}, [], ["user-ann"], ["global", "user-ann"]),
        ({"geo": {}}, [], ["user-ann"], ["geo", "global", "user-ann"]),
        ({"group-data": {"allowedGroups": ["other"]}}, ["data"], ["user-ann"], ["global", "user-ann"]),
    ],
    ids=[
        "nobody's",
        "in a group",
        "a namespace of the group",
        "of another group",
        "of everybody",
        "closed to the group",
    ],
)
def test_people_make_environments_in_their_own_and_their_groups_namespaces(
    values: dict[str, Any], groups: list[str], build: list[str], see: list[str]
) -> None:
    config = Config.model_validate({"environments": {"namespaces": values}, "groups": {"data": {}, "other": {}}})
    said = rights(config, identity(*groups), admin=False)
    assert (said["build"], said["see"], said["admin"], said["home"]) == (build, see, False, "user-ann")
