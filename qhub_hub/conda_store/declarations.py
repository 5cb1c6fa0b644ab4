"""What the values file declares is ordered from conda-store: once, again when it changes, and later where it failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from logging import Logger
from typing import Any

from qhub_hub.conda_store.names import slug_problem
from qhub_hub.conda_store.reasons import Reason
from qhub_hub.conda_store.rest import Build, CondaStore, Listed, Refused, Unavailable
from qhub_hub.config.models.environments import Environments
from qhub_hub.environments.specification import Specification, declared

_AGAIN_AFTER = timedelta(minutes=10)
"""When an order that was refused, or a build that failed for a reason that may have passed, is tried again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an environment of conda-store's stands.

    Args:
        last: its newest build; None: there is none.
        reason: why that failed; None: it did not.
    """

    listed: Listed
    last: Build | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class _Refusal:
    digest: str
    sentence: str
    moment: datetime


class Declarations:
    """Orders what is declared, and knows what was refused.

    Args:
        rest: conda-store.
        log: is told what happens, for administrators.
    """

    def __init__(self, rest: CondaStore, log: Logger) -> None:
        self._rest = rest
        self._log = log
        self._refusals: dict[str, _Refusal] = {}

    def refused_in(self, namespace: str) -> Mapping[str, str]:
        """Why declared environments of a namespace could not be ordered, by their names."""
        found = ((key.partition("/"), refusal.sentence) for key, refusal in self._refusals.items())
        return {name: sentence for (of, _, name), sentence in found if of == namespace}

    def order(self, config: Environments, there: Mapping[tuple[str, str], Standing]) -> str:
        """Order what is declared and not there, or not as declared.

        Args:
            there: what conda-store has, by namespace and name.

        Returns:
            Why some of it could not be ordered now, as a sentence for the log; empty: nothing is left.
        """
        wanted = declared(config)
        keys = {one.key for one in wanted}
        self._refusals = {key: refusal for key, refusal in self._refusals.items() if key in keys}
        for one in wanted:
            if self._is_due(one, there.get((one.namespace, one.name))):
                try:
                    self._order(one)
                except Unavailable as error:
                    return f"{error} when the environment {one.key} was ordered. It is asked again."
        return ""

    def _order(self, one: Specification) -> None:
        try:
            if problem := slug_problem("namespace", one.namespace) or slug_problem("environment", one.name):
                raise Refused(problem)
            self._rest.order(one.namespace, _order_of(one))
            self._refusals.pop(one.key, None)
            self._log.info("conda-store builds the environment %s (%s)", one.key, one.source)
        except Refused as refused:
            self._refusals[one.key] = _Refusal(one.digest, str(refused), datetime.now(UTC))
            self._log.error("conda-store does not build the environment %s: %s", one.key, refused)

    def _is_due(self, one: Specification, found: Standing | None) -> bool:
        now = datetime.now(UTC)
        refusal = self._refusals.get(one.key)
        if refusal is not None and refusal.digest == one.digest:
            return now > refusal.moment + _AGAIN_AFTER
        if found is None or found.listed.description != _description(one):
            return True
        if found.last is None or found.reason is None or not found.reason.again:
            return False
        ended = datetime.fromisoformat(found.last.ended or found.last.scheduled).replace(tzinfo=UTC)
        return now >= ended + _AGAIN_AFTER


def _description(one: Specification) -> str:
    """What an environment is described as in conda-store: by it is known whether it is as declared."""
    return f"Declared in the values file ({one.digest})"


def _order_of(one: Specification) -> dict[str, Any]:
    order: dict[str, Any] = {
        "name": one.name,
        "channels": list(one.channels),
        "dependencies": list(one.dependencies),
        "description": _description(one),
    }
    return order | ({"variables": {"CONDA_OVERRIDE_CUDA": one.cuda}} if one.cuda else {})
