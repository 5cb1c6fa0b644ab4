"""Which servers end because nobody uses them: what their plan said, asked by jupyterhub-idle-culler.

It runs inside the hub: a process of its own would take 32 MiB and a second of the start. What it may do is still what
its own token allows, over the hub's API. As it asks for the models of all servers there, it is called only when one
has reached its limit.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyterhub.utils import utcnow
from tornado.ioloop import PeriodicCallback

from qhub_hub.config.models import Config
from qhub_hub.config.models.policy import Culling, IdleRule
from qhub_hub.hub.running import decided_of
from qhub_hub.hub.site import Site
from qhub_hub.sessions import PlanSummary, read_summary

NAME = "culler"
"""Of the service at the hub."""

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
    started = datetime.fromisoformat(server["started"]) if server.get("started") else None
    age = (now or datetime.now(UTC)) - started if started else None
    return _is_due(decided, int(inactive_limit), inactive, age)


def _is_due(
    decided: PlanSummary | None, inactive_limit: int, inactive: timedelta | None, age: timedelta | None
) -> bool:
    idle, max_age = (decided.idle.idle, decided.idle.max_age) if decided else (inactive_limit, 0)
    if idle > 0 and inactive is not None and inactive.total_seconds() >= idle:
        return True
    return bool(max_age) and age is not None and age.total_seconds() >= max_age


def somebody_is_due(users: Mapping[Any, Any], inactive_limit: int, now: datetime) -> bool:
    """Whether the arbiter would end one of the servers that run.

    Args:
        users: the hub's users.
        inactive_limit: seconds; for servers without a plan.
        now: in UTC without saying so, as the hub's database has its times.
    """
    for user in list(users.values()):
        for spawner in list(user.spawners.values()):
            if not spawner.ready:
                continue
            started = spawner.orm_spawner.started
            active = spawner.orm_spawner.last_activity or started
            age, inactive = (now - moment if moment else None for moment in (started, active))
            if _is_due(decided_of(spawner), inactive_limit, inactive, age):
                return True
    return False


def fallback(config: Config) -> int:
    """Seconds of idleness for a server that carries no policy; 0: it is never stopped."""
    return config.culling.idle if config.culling.enabled else 0


def cull_every(config: Config) -> int:
    """Seconds between two looks: half of the smallest limit, but between 5 s and a minute."""
    rules: list[Culling | IdleRule] = [config.culling, *config.culling.groups.values(), *config.culling.users.values()]
    rules += [profile.culling for profile in config.profiles.values()]
    limits = [limit for rule in rules for limit in (rule.idle, rule.max_age) if limit]
    return min(max(min(limits, default=120) // 2, 5), 60)


def token(cookie_secret: bytes) -> str:
    """The culler's token at the hub: the same at every start, so that none is left behind in the database."""
    return hmac.digest(cookie_secret, b"qhub culler", hashlib.sha256).hex()


def cull(hub: Any) -> PeriodicCallback:
    """Have idle servers stopped from now on. The values may turn culling on, off or faster while the hub runs.

    Args:
        hub: the application, once it has started.

    Returns:
        The timer, running; the application stops it when it ends.
    """
    from jupyterhub_idle_culler import cull_idle  # loaded once the hub answers

    site: Site = hub.tornado_settings["qhub"]
    # Not by the address that pods use: that way leads through the cluster's network and back.
    ip = "127.0.0.1" if hub.hub.ip in ("", "*", "0.0.0.0", "::") else hub.hub.ip  # noqa: S104 - compared, not bound
    url = f"{hub.hub.proto}://{ip}:{hub.hub.port}{hub.hub.base_url}api"

    async def look() -> None:
        config = site.config
        timer.callback_time = cull_every(config) * 1000
        try:
            limit = fallback(config)
            if somebody_is_due(hub.users, limit, utcnow(with_tz=False)):
                await cull_idle(url, token(hub.cookie_secret), limit, hub.log, cull_arbiter=arbiter)
        except Exception:
            hub.log.exception("Idle servers could not be looked for; it is tried again")

    timer = PeriodicCallback(look, cull_every(site.config) * 1000)
    timer.start()
    return timer
