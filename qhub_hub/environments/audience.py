"""Who may see a namespace, by the values file alone."""

from dataclasses import dataclass

from qhub_hub.config.models import Config
from qhub_hub.environments.namespaces import GLOBAL, group_namespace, user_namespace


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may see the environments of a namespace: everybody, or groups and people by name; neither: nobody."""

    everybody: bool = False
    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.everybody:
            return "everybody"
        parts = [f"members of {', '.join(self.groups)}"] if self.groups else []
        return " and ".join([*parts, *self.users]) or "nobody: the namespace is not declared"


def audience(config: Config, namespace: str) -> Audience:
    """Who may see a namespace. What is declared counts; else `global`, groups and people have theirs."""
    declared = config.environments.namespaces.get(namespace)
    if declared is not None:
        return Audience(everybody=not declared.allowed_groups, groups=declared.allowed_groups)
    return Audience(
        everybody=namespace == GLOBAL,
        groups=tuple(name for name in config.groups if group_namespace(name) == namespace),
        users=tuple(name for name in config.users if user_namespace(name) == namespace),
    )
