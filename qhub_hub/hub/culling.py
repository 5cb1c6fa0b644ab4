"""Which servers end because nobody uses them: what their plan said, asked by jupyterhub-idle-culler."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from qhub_hub.config.models import Config
from qhub_hub.config.models.policy import Culling, IdleRule
from qhub_hub.sessions import read_summary

SCOPES = ("list:users", "read:users:activity", "read:servers", "delete:servers", "admin:server_state")
"""What the culler may do on the hub; the last is to read the policy that a server carries."""


def arbiter(
    *, inactive: timedelta | None, inactive_limit: float, server: Mapping[str, Any], now: datetime | None = None
) -> bool:
    """Whether this server has been idle, or has run, for longer than its plan allows.

    The policy was decided when the server started and travels in its state: a changed file does not end a server
    sooner than its owner was told.

    Args:
        inactive: time without activity; None: unknown, which is no reason to stop anything.
        inactive_limit: seconds; for servers without a plan.
        server: the hub's model of it.
    """
    decided = read_summary((server.get("state") or {}).get("qhub"))
    idle, max_age = (decided.idle.idle, decided.idle.max_age) if decided else (int(inactive_limit), 0)
    if idle > 0 and inactive is not None and inactive.total_seconds() >= idle:
        return True
    if not max_age or not server.get("started"):
        return False
    started = datetime.fromisoformat(server["started"])
    return ((now or datetime.now(UTC)) - started).total_seconds() >= max_age


def fallback(config: Config) -> int:
    """Seconds of idleness for a server that carries no policy; 0: it is never stopped."""
    return config.culling.idle if config.culling.enabled else 0


def cull_every(config: Config) -> int:
    """Seconds between two looks: half of the smallest limit, but between 5 s and a minute."""
    rules: list[Culling | IdleRule] = [config.culling, *config.culling.groups.values(), *config.culling.users.values()]
    rules += [profile.culling for profile in config.profiles.values()]
    limits = [limit for rule in rules for limit in (rule.idle, rule.max_age) if limit]
    return min(max(min(limits, default=120) // 2, 5), 60)
