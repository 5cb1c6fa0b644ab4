"""What was asked for of a Dask cluster, read strictly: a notebook's call, the widget and raw REST alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from qhub_hub.config.checks.variables import REFUSED
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.request import LONGEST
from qhub_hub.sessions.wording import listed, quoted

TEXTS = ("profile", "environment", "size")
OPTIONS = (*TEXTS, "idle_minutes", "variables")

MOST_VARIABLES = 50
LONGEST_VALUE = 4096  # characters
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_MOST_MINUTES = 10**6

_SET_BY_THE_GATEWAY = {
    r"(DASK_GATEWAY_.*|DASK_GATEWAY__.*)": "the gateway sets it, and the cluster trusts it",
    r"DASK_DISTRIBUTED__COMM__.*": "it says how the processes of a cluster trust each other",
    r"NB_.*": "it says who the person is, which comes from qhub.users",
}


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """Choices of the right kind, not yet compared with what is offered.

    Args:
        profile: key of the profile whose servers the workers are like; empty: the first open one that may hold
            workers.
        environment: `<namespace>/<name>`; empty: the Python of the profile's image, and on one machine QHub's own.
        size: key of one of the profile's sizes; empty: its first.
        idle_minutes: without work, after which the cluster ends; None: as the values file says.
        variables: of scheduler and workers.
    """

    profile: str = ""
    environment: str = ""
    size: str = ""
    idle_minutes: int | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def parse_cluster_request(options: object) -> ClusterRequest:
    """Read the options of a cluster, whoever wrote them.

    Args:
        options: a map of the five names; None or {}: the default choice.

    Raises:
        Rejected: reason `options`; not a map, an unknown name, a value of another kind, a variable that may not be set.
    """
    if options is None:
        options = {}
    if not isinstance(options, Mapping):
        raise _refused(f"The options of a cluster must be a map of names to values; found {quoted(options)}.")
    for name in options:
        if name not in OPTIONS:
            raise _refused(f"There is no option {quoted(name)} for a cluster. Allowed are {listed(OPTIONS)}.")
    texts = {name: _text(name, options[name]) for name in TEXTS if options.get(name) is not None}
    return ClusterRequest(
        **texts, idle_minutes=_minutes(options.get("idle_minutes")), variables=_variables(options.get("variables"))
    )


def _refused(message: str) -> Rejected:
    return Rejected("options", message)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise _refused(f"The option {name} must be text of at most {LONGEST} characters; found {quoted(value)}.")
    return value


def _minutes(value: Any) -> int | None:
    if value is None:
        return None
    # True is an integer to Python.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_MINUTES:
        raise _refused(f"The option idle_minutes must be a whole number of minutes, 1 or more; found {quoted(value)}.")
    return value


def _variables(value: Any) -> Mapping[str, str]:
    if value is None:
        return MappingProxyType({})
    if not isinstance(value, Mapping):
        raise _refused(f"The option variables must be a map of names to text; found {quoted(value)}.")
    if len(value) > MOST_VARIABLES:
        raise _refused(f"A cluster can be given at most {MOST_VARIABLES} variables; found {len(value)}.")
    for name, text in value.items():
        _check_variable(name, text)
    return MappingProxyType(dict(value))


def _check_variable(name: Any, text: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused(
            f"{quoted(name)} is not the name of an environment variable. Allowed are letters, digits and _, no digit "
            "first."
        )
    for pattern, reason in (REFUSED | _SET_BY_THE_GATEWAY).items():
        if re.fullmatch(pattern, name):
            raise _refused(f"The variable {name} may not be set: {reason}.")
    if not isinstance(text, str) or len(text) > LONGEST_VALUE or "\0" in text:
        raise _refused(
            f"The variable {name} must be text of at most {LONGEST_VALUE} characters, without NUL; "
            f"found {quoted(text)}."
        )
