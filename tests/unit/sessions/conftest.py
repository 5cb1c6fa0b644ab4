"""A small site and the people of it, built fresh for every test."""

from collections.abc import Callable
from typing import Any

import pytest

from qhub_hub.config.models import Config
from qhub_hub.identity.model import Group, Identity

IDS = {"data": 70_000, "gpu": 70_001, "ml": 70_002, "all": 70_003}


@pytest.fixture
def config_of() -> Callable[..., Config]:
    """A Config from `qhub` keys; node groups and the groups of this room's tests are there unless stated."""

    def build(**parts: Any) -> Config:
        base: dict[str, Any] = {
            "groups": {"data": {}, "gpu": {}, "ml": {}, "all": {"everyone": True, "sharedFolder": False}},
            "nodeGroups": {
                "user": {"cpu": 8.5, "reserved": {"cpu": 0.5}, "memory": "32.5Gi"},
                "gpu": {"cpu": 8.5, "reserved": {"cpu": 0.5}, "memory": "32.5Gi", "gpu": {"count": 2, "type": "T4"}},
                "unknown": {},
            },
        }
        return Config.model_validate(base | parts)

    return build


@pytest.fixture
def person() -> Callable[..., Identity]:
    """A person in the named groups, each with a folder; `bob` has other ids than `ann`."""

    def build(name: str = "ann", *groups: str, **fields: Any) -> Identity:
        uid = fields.pop("uid", 100_000 + sum(map(ord, name)) % 1000)
        members = sorted((Group(g, g, IDS[g], g) for g in groups), key=lambda group: group.gid)
        fields = {"directory": name, "home": f"/home/{name}"} | fields
        return Identity(name, name, uid, uid, tuple(members), **fields)

    return build
