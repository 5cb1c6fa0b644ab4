"""What may be built in conda-store: the values' rules, asked when somebody wants a build and when it begins."""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from conda_store_server import api
from conda_store_server.exception import CondaStoreError
from conda_store_server.server.schema import Permissions

from qhub_hub.conda_store.names import slug_problem
from qhub_hub.conda_store.settings import Values, settings_here, values_here

CUDA = "CONDA_OVERRIDE_CUDA"
"""Variable of a specification, conda's own, that says which CUDA version packages may count on."""

# As `config.models.environments.SPEC_PATTERN`, which conda-store's Python has no pydantic models for.
_SPEC = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*( *[=<>!~ ][A-Za-z0-9_.*=<>!~,|+ -]*)?")
_MOST, _LONGEST = 500, 200
_BUILDS = {Permissions.ENVIRONMENT_CREATE, Permissions.ENVIRONMENT_UPDATE}


def checked(specification: Any, allowed: Collection[str], values: Values) -> Any:
    """The specification, with channels as addresses.

    Args:
        allowed: addresses of channels.

    Raises:
        ValueError: it may not be built, in a sentence.
    """
    if problem := slug_problem("environment", specification.name):
        raise ValueError(problem)
    if not 0 < len(specification.dependencies) <= _MOST:
        raise ValueError(f"An environment has 1 to {_MOST} dependencies, not {len(specification.dependencies)}.")
    for wanted in specification.dependencies:
        if not isinstance(wanted, str):
            raise ValueError(
                "Packages below `pip:` are not built; name their conda packages, most of which are in conda-forge."
            )
        if len(wanted) > _LONGEST or not _SPEC.fullmatch(wanted):
            raise ValueError(
                f"{wanted!r:.80} is no conda package with a version, such as python=3.11 or numpy >=2,<3; addresses, "
                "paths and options are not allowed."
            )
    specification.channels = [values.allowed.get(name, name) for name in specification.channels] or [*values.channels]
    for channel in specification.channels:
        if channel not in allowed:
            raise ValueError(
                f"The channel {channel!r:.200} is not allowed here; allowed are {', '.join(sorted(values.allowed))}. "
                "An administrator can add it to qhub.environments.allowedChannels."
            )
    return specification


def validate_specification(db: Any, conda_store: Any, namespace: str, specification: Any) -> Any:
    """See `checked`; for `CondaStore.validate_specification`."""
    values = values_here()
    own = values.declared.get(f"{namespace}/{specification.name}", ())
    return checked(specification, {*values.allowed.values(), *own}, values)


def validate_action(db: Any, conda_store: Any, namespace: str, action: Any) -> None:
    """Refuse a build for which there is no room, or no folder; for `CondaStore.validate_action`.

    Raises:
        CondaStoreError: with a sentence.
    """
    if action not in _BUILDS:
        return
    if problem := slug_problem("namespace", namespace):
        raise CondaStoreError(problem)
    store, values = Path(settings_here().store), values_here()
    if not os.access(store / namespace / "builds", os.W_OK):
        raise CondaStoreError(f"The folder of {namespace} is not there yet. It is made within seconds; try again then.")
    used = sum(size or 0 for name, _, _, size in api.get_namespace_metrics(db) if name == namespace)
    if used >= values.room(namespace):
        raise CondaStoreError(
            f"The builds in {namespace} take {_gib(used)} of {_gib(values.room(namespace))}. Delete one first."
        )
    state = os.statvfs(store)
    free = state.f_bavail * state.f_frsize
    if free <= values.min_free:
        raise CondaStoreError(f"Only {_gib(free)} are free on the disk, and {_gib(values.min_free)} must stay free.")


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
