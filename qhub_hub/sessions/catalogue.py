"""Which environments a person sees, and which of them a profile offers."""

import re

from qhub_hub.config.models import Config
from qhub_hub.config.models.profiles import Profile
from qhub_hub.environments.manifest import NAMESPACE, READY, Catalogue, Environment
from qhub_hub.environments.namespaces import GLOBAL, group_namespace, user_namespace
from qhub_hub.identity.model import Identity


def own_namespaces(config: Config, identity: Identity) -> tuple[str, ...]:
    """Namespaces whose environments this person may use, whether or not anything was built there; sorted."""
    implied = {GLOBAL, user_namespace(identity.name), *map(group_namespace, identity.group_names)}
    declared = config.environments.namespaces
    return tuple(
        sorted(
            name
            for name in {*(implied - declared.keys()), *declared}
            # A namespace becomes a path and must not lead elsewhere.
            if NAMESPACE.fullmatch(name) and (name not in declared or _may_see(config, identity, name))
        )
    )


def _may_see(config: Config, identity: Identity, name: str) -> bool:
    allowed = config.environments.namespaces[name].allowed_groups
    return not allowed or not identity.group_names.isdisjoint(allowed)


def visible_namespaces(config: Config, identity: Identity, catalogue: Catalogue) -> tuple[str, ...]:
    """Namespaces of the catalogue whose environments this person may use, sorted.

    A namespace that is neither declared nor implied (`global`, a group's, the person's own) is seen by nobody: who may
    see it is not known.
    """
    there = {environment.namespace for environment in catalogue}
    return tuple(name for name in own_namespaces(config, identity) if name in there) if there else ()


def visible_environments(config: Config, identity: Identity, catalogue: Catalogue) -> tuple[Environment, ...]:
    """The environments of these namespaces, ready or not, in the catalogue's order."""
    visible = set(visible_namespaces(config, identity, catalogue))
    return tuple(environment for environment in catalogue if environment.namespace in visible)


def offered_environments(config: Config, identity: Identity, profile: Profile, catalogue: Catalogue) -> tuple[str, ...]:
    """`<namespace>/<name>` of the ready environments that a profile lets this person choose from.

    Ordered by the profile's patterns, then as the catalogue is: the first one is the default.
    """
    patterns = [_compiled(pattern) for pattern in profile.options.environments]
    if not patterns or not catalogue:
        return ()
    visible = visible_environments(config, identity, catalogue)
    names = [environment.key for environment in visible if environment.status == READY]
    found = (name for pattern in patterns for name in names if pattern.fullmatch(name))
    return tuple(dict.fromkeys(found))


def _compiled(pattern: str) -> re.Pattern[str]:
    # Only `*` is special: fnmatch would also read `?` and `[`, which the values file does not promise.
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
