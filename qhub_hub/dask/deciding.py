"""Requests for clusters become plans: what a backend must do before anything is started, the same for all backends."""

import asyncio
from collections.abc import Mapping
from logging import Logger
from typing import Any

from aiohttp import web
from dask_gateway_server.backends.base import PublicException
from dask_gateway_server.options import Options

from qhub_hub.dask.hub_api import HubUnavailable, NoSuchPerson
from qhub_hub.dask.options import widget_options
from qhub_hub.dask.person import Person
from qhub_hub.dask.values import GatewayValues
from qhub_hub.identity import Identity
from qhub_hub.sessions import (
    ClusterPlan,
    ClusterUsage,
    Rejected,
    cluster_summary,
    limits_cost,
    make_cluster_plan,
    offered_clusters,
    parse_cluster_request,
)

_UNFORESEEN = "An error inside the gateway keeps your cluster from starting. Tell an administrator."


def one_line(sentence: str) -> str:
    """A reason as HTTP can carry it: aiohttp refuses line ends, and a terminal must not obey what is quoted."""
    return "".join(character if character.isprintable() else " " for character in sentence)


class DecidingMixin:
    """Put before a backend class: every cluster goes through `make_cluster_plan`, and nothing else decides.

    A subclass says with `settings_for` how its backend carries a plan out. Its `cluster_config_class` has a trait
    `summary`, a map, which keeps the plan's summary with the cluster.
    """

    # Of the backend that this is mixed into.
    parent: Any
    log: Logger
    cluster_config_class: Any

    @property
    def values(self) -> GatewayValues:
        """What decisions are made from."""
        values: GatewayValues = self.parent.values
        return values

    def settings_for(self, plan: ClusterPlan, person: Person) -> Mapping[str, Any]:
        """The backend's settings of a cluster (traits of its `cluster_config_class`) that carry a plan out."""
        raise NotImplementedError

    async def cluster_usage(self, identity: Identity, without: str = "") -> ClusterUsage:
        """What running clusters take of somebody's limits; see `LimitsMixin`."""
        raise NotImplementedError

    async def get_cluster_options(self, user: Any) -> Options:
        """What the client's widget shows to somebody.

        Raises:
            HTTPException: with a sentence; nothing can be offered.
        """
        try:
            offers = offered_clusters(self.values.config, user.person.identity, self.values.catalogue)
        except Exception:
            self.log.exception("Error while choosing the options of %r", user.name)
            raise web.HTTPUnprocessableEntity(reason=_UNFORESEEN) from None
        if not offers.profiles:
            raise web.HTTPUnprocessableEntity(
                reason="No profile that may hold Dask workers is open to you. Ask an administrator for a group."
            )
        return widget_options(offers)

    async def process_cluster_options(self, user: Any, request: object) -> tuple[dict[str, Any], Any]:
        """Decide about a request.

        Returns:
            The accepted options, and the settings of the cluster.

        Raises:
            PublicException: refused, with a sentence of one line.
        """
        try:
            plan = await self._decide(user.person, request)
            settings = {**self.settings_for(plan, user.person), "summary": cluster_summary(plan)}
            config = self.cluster_config_class(parent=self, **settings)
        except asyncio.CancelledError:
            raise
        except Rejected as rejected:
            raise PublicException(one_line(rejected.message)) from None
        except Exception:
            # What nobody foresaw may hold addresses and tokens: the log has it, the person has a sentence.
            self.log.exception("Error while planning a cluster of %r", user.name)
            raise PublicException(_UNFORESEEN) from None
        return dict(plan.worker.choices), config

    async def _decide(self, person: Person, request: object) -> ClusterPlan:
        asked = parse_cluster_request(request)
        usage = await self._with_cost_today(await self.cluster_usage(person.identity), person.identity)
        plan = make_cluster_plan(self.values.config, person.identity, asked, self.values.catalogue, usage)
        if plan.stop_with_server and not person.server_running:
            raise Rejected(
                "unavailable",
                "Clusters end with your server, and none of yours is running. Start one, and the cluster from there.",
            )
        return plan

    async def _with_cost_today(self, usage: ClusterUsage, identity: Identity) -> ClusterUsage:
        """Add what was paid today where a limit asks for it, as the hub knows it now and not a minute ago.

        Raises:
            Rejected: nobody can say, so nobody knows whether the limit holds.
        """
        if not limits_cost(self.values.config, identity):
            return usage
        try:
            paid = (await self.parent.hub.person(identity.name)).paid_today
        except (HubUnavailable, NoSuchPerson) as error:
            self.log.error("What %r paid today is not known: %s", identity.name, error)
            paid = None
        if paid is None:
            raise Rejected(
                "unavailable",
                "What you used today can't be looked up now, and the values limit it. Try again in a minute; an "
                "administrator finds the reason in the hub's log.",
            )
        groups = {name: cost for name, cost in paid.items() if name}
        return usage.with_cost_today({identity.name: paid.get("", 0.0)}, groups)
