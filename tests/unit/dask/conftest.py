"""People and a gateway's parts, without a gateway."""

from collections.abc import Callable
from typing import Any

import pytest

from qhub_hub.config.models import Config
from qhub_hub.dask.person import Person
from qhub_hub.identity import Group, Identity


@pytest.fixture
def config_of() -> Callable[..., Config]:
    """A Config from `qhub` keys, with two groups and a profile."""

    def build(**parts: Any) -> Config:
        base: dict[str, Any] = {
            "groups": {"data": {}, "gpu": {}},
            "nodeGroups": {"user": {}},
            "profiles": {"small": {"cpu": {"limit": 1}, "memory": {"limit": "2Gi"}}},
        }
        return Config.model_validate(base | parts)

    return build


@pytest.fixture
def person() -> Callable[..., Person]:
    """Somebody in the named groups, whose server runs."""

    def build(name: str = "ann", *groups: str, server_running: bool = True) -> Person:
        gids = {"data": 70_000, "gpu": 70_001}
        members = tuple(Group(group, group, gids[group], group) for group in groups)
        uid = 100_001 if name == "ann" else 100_002
        identity = Identity(name, name, uid, uid, members, directory=name, home=f"/srv/home/{name}")
        return Person(identity, "passwd", "group", server_running)

    return build
