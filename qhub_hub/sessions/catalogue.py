"""Which environments a person sees, and which of them a profile offers."""

import re

from qhub_hub.config.models import Config
from qhub_hub.config.models.profiles import Profile
from qhub_hub.environments.manifest import Catalogue
from qhub_hub.identity.model import Identity

# Manifests are written by other programs: a namespace becomes a path and must not lead elsewhere.
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def visible_namespaces(config: Config, identity: Identity, catalogue: Catalogue) -> tuple[str, ...]:
    """Namespaces of the catalogue whose environments this person may use, sorted.

    A namespace that the values file does not declare is seen by nobody: who may see it is not known.
    """
    return tuple(
        sorted(
            name for name in {environment.namespace for environment in catalogue} if _may_see(config, identity, name)
        )
    )


def _may_see(config: Config, identity: Identity, name: str) -> bool:
    namespace = config.environments.namespaces.get(name)
    if namespace is None or not _NAMESPACE.fullmatch(name):
        return False
    allowed = namespace.allowed_groups
    return not allowed or not identity.group_names.isdisjoint(allowed)


def offered_environments(config: Config, identity: Identity, profile: Profile, catalogue: Catalogue) -> tuple[str, ...]:
    """`<namespace>/<name>` of the ready environments that a profile lets this person choose from.

    Ordered by the profile's patterns, then as the catalogue is: the first one is the default.
    """
    patterns = [_compiled(pattern) for pattern in profile.options.environments]
    if not patterns or not catalogue:
        return ()
    visible = set(visible_namespaces(config, identity, catalogue))
    names = [
        f"{environment.namespace}/{environment.name}"
        for environment in catalogue
        if environment.namespace in visible and environment.status == "ready"
    ]
    found = (name for pattern in patterns for name in names if pattern.fullmatch(name))
    return tuple(dict.fromkeys(found))


def _compiled(pattern: str) -> re.Pattern[str]:
    # Only `*` is special: fnmatch would also read `?` and `[`, which the values file does not promise.
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
