"""Names that are keys of maps: each becomes a label, a folder, a URL part or a line of passwd."""

import re
from collections.abc import Callable, Iterable, Iterator

from qhub_hub.config.models import Config
from qhub_hub.config.models.environments import CHANNEL_NAME
from qhub_hub.config.names import KEY_PATTERN, InvalidName, check_group_name, check_user_name
from qhub_hub.config.problems import Path
from qhub_hub.config.validation import Finding

_FOLDER = "[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"  # of /home/conda
_NAMESPACE = f"^{_FOLDER}$"
_ENVIRONMENT = f"^{_FOLDER}/[a-z0-9]([a-z0-9._-]{{0,61}}[a-z0-9])?$"


def check_keys(config: Config) -> Iterator[Finding]:
    """Every key that is not a legal name of its kind."""
    yield from _names(("users",), config.users, check_user_name)
    yield from _names(("groups",), config.groups, check_group_name)
    yield from _names(("culling", "users"), config.culling.users, check_user_name)
    yield from _names(("limits", "users"), config.limits.users, check_user_name)
    allowed = "allowed are 1 to 63 lower-case letters, digits and -, not at the ends"
    yield from _matching(("profiles",), config.profiles, KEY_PATTERN, allowed)
    yield from _matching(("nodeGroups",), config.node_groups, KEY_PATTERN, allowed)
    for name, profile in config.profiles.items():
        for option, choices in (("images", profile.options.images), ("sizes", profile.options.sizes)):
            yield from _matching(("profiles", name, "options", option), choices, KEY_PATTERN, allowed)
    yield from _matching(
        ("environments", "namespaces"),
        config.environments.namespaces,
        _NAMESPACE,
        "allowed are 1 to 63 letters, digits, dots, - and _, with a letter or digit at both ends",
    )
    yield from _matching(
        ("environments", "declared"),
        config.environments.declared,
        _ENVIRONMENT,
        "allowed is <namespace>/<name>, such as global/analysis; the name has 1 to 63 lower-case letters, digits, "
        "dots, - and _, with a letter or digit at both ends",
    )
    yield from _matching(
        ("environments", "mirrors"),
        config.environments.mirrors,
        f"^{CHANNEL_NAME}$",
        "allowed is the name of a channel, such as conda-forge",
    )


def _names(path: Path, names: Iterable[str], check: Callable[[str], str]) -> Iterator[Finding]:
    for name in names:
        try:
            check(name)
        except InvalidName as reason:
            yield Finding((*path, name), str(reason), at_key=True)


def _matching(path: Path, keys: Iterable[str], pattern: str, allowed: str) -> Iterator[Finding]:
    for key in keys:
        if not re.fullmatch(pattern, key) or key.endswith("\n"):
            yield Finding((*path, key), f"this key is not allowed; {allowed}", at_key=True)
