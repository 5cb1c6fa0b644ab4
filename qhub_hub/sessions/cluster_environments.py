"""Which environments a Dask cluster can run, and the sentences about those that can't."""

import re
from dataclasses import dataclass

from qhub_hub.config.models import Config
from qhub_hub.environments.manifest import READY, Catalogue, Environment
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.catalogue import visible_environments
from qhub_hub.sessions.mounts import ENVIRONMENTS
from qhub_hub.sessions.process import PATH
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.wording import listed, quoted

NEEDED = ("distributed", "dask-gateway")
"""Packages of scheduler and workers; the scheduler reports to the gateway through the second."""

OLDEST = {"distributed": (2023, 1), "dask-gateway": (2023, 1)}
"""Year and month of the oldest releases that speak as the gateway does."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python of a cluster.

    Args:
        python: its path inside a container; empty: the image's own `python`.
        activated: whether scripts of the environment set variables before a program of it starts.
        variables: what programs of the environment need.
    """

    python: str = ""
    activated: bool = False
    variables: tuple[tuple[str, str], ...] = ()


def cluster_environments(config: Config, identity: Identity, catalogue: Catalogue) -> tuple[str, ...]:
    """`<namespace>/<name>` of the environments that this person's clusters can run, in the catalogue's order."""
    return tuple(e.key for e in visible_environments(config, identity, catalogue) if not _unfit(e))


def interpreter_of(config: Config, identity: Identity, asked: str, catalogue: Catalogue) -> Interpreter:
    """The Python of an environment's build that is in force now: a cluster stays with it when a newer one follows.

    Args:
        asked: `<namespace>/<name>`; empty: none.

    Raises:
        Rejected: reason `choice`; it is not there, not for this person, not ready, or lacks what a cluster needs.
    """
    if not asked:
        return Interpreter()
    found = next((e for e in visible_environments(config, identity, catalogue) if e.key == asked), None)
    if found is None:
        # One answer for what is not there and what is not theirs, so that nobody learns what others have.
        offered = cluster_environments(config, identity, catalogue)
        allowed = f"Choose one of {listed(offered)}." if offered else "There is none that a cluster could run yet."
        raise Rejected("choice", f"The environment {quoted(asked)} is not available to you. {allowed}")
    if why := _unfit(found):
        raise Rejected("choice", f"The environment {asked} can't run a cluster: {why}")
    prefix = f"{ENVIRONMENTS}/{found.namespace}/builds/{found.name}/{found.build}"
    variables = {"CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": found.name, "PATH": f"{prefix}/bin:{PATH}"}
    return Interpreter(f"{prefix}/bin/python", found.activated, tuple(variables.items()))


def _unfit(environment: Environment) -> str:
    """Why it can't run a cluster, as a sentence; empty: it can."""
    if environment.status != READY or not environment.build:
        return "none of its builds is in force yet. `qhub env log` shows why."
    missing = [name for name in NEEDED if name not in environment.packages]
    if not environment.python:
        missing = ["python", *missing]
    if missing:
        return f"it has no {listed(missing, 'or')}. Add them to its dependencies."
    for name, oldest in OLDEST.items():
        version = environment.packages[name]
        if _year_and_month(version) < oldest:
            return f"its {name} is {version}; needed is {'.'.join(map(str, oldest))} or newer."
    return ""


def _year_and_month(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version)[:2])
