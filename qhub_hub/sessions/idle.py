"""When a server is stopped, and which rule of the values file says so."""

import math
from dataclasses import dataclass
from typing import Literal

from qhub_hub.config.models import Config
from qhub_hub.config.models.policy import IdleRule
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.keys import yaml_key


@dataclass(frozen=True, slots=True)
class IdlePolicy:
    """When the server and what runs in it are stopped. Seconds; 0: never.

    Args:
        source: the key of the values file that `idle` comes from.
        warning: how long before the end of the server its owner is told.
    """

    idle: int
    max_age: int
    kernel_idle: int
    terminal_idle: int
    source: str
    warning: int = 0


Term = Literal["idle", "max_age"]
_WRITTEN = {"idle": "idle", "max_age": "maxAge"}


def idle_policy(config: Config, identity: Identity, profile: str) -> IdlePolicy:
    """The terms for one person's server.

    Args:
        profile: key of the profile, which the values file has.
    """
    culling = config.culling
    idle, source = deciding_rule(config, identity, profile, "idle")
    max_age, _ = deciding_rule(config, identity, profile, "max_age")
    return IdlePolicy(
        idle=idle,
        max_age=max_age,
        kernel_idle=culling.kernel_idle if culling.enabled else 0,
        terminal_idle=culling.terminal_idle if culling.enabled else 0,
        source=source,
        warning=culling.warning if culling.enabled else 0,
    )


def deciding_rule(config: Config, identity: Identity, profile: str, term: Term) -> tuple[int, str]:
    """Seconds of one term and the key they come from: user, most generous group, profile, default.

    Each term is looked up on its own: a rule that leaves one out says nothing about it.
    """
    culling = config.culling
    written = _WRITTEN[term]
    if not culling.enabled:
        return 0, yaml_key("culling", "enabled")
    seconds = _term(culling.users.get(identity.name), term)
    if seconds is not None:
        return seconds, yaml_key("culling", "users", identity.name, written)
    by_group = [
        (seconds, group.name)
        for group in identity.groups
        if (seconds := _term(culling.groups.get(group.name), term)) is not None
    ]
    if by_group:
        seconds, group_name = max(by_group, key=lambda found: found[0] or math.inf)  # 0 is never
        return seconds, yaml_key("culling", "groups", group_name, written)
    seconds = _term(config.profiles[profile].culling, term)
    if seconds is not None:
        return seconds, yaml_key("profiles", profile, "culling", written)
    return (culling.idle if term == "idle" else culling.max_age), yaml_key("culling", written)


def _term(rule: IdleRule | None, term: Term) -> int | None:
    if rule is None:
        return None
    return rule.idle if term == "idle" else rule.max_age
