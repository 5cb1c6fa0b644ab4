"""Names that refer to something else in the file."""

from collections.abc import Iterable, Iterator

from qhub_hub.config.models import Config
from qhub_hub.config.problems import Path
from qhub_hub.config.suggestions import did_you_mean
from qhub_hub.config.validation import Finding


def check_references(config: Config) -> Iterator[Finding]:
    """Groups that are used and not declared. People need no declaration: whoever may sign in exists."""
    listed: list[tuple[Path, Iterable[str]]] = [
        *((("users", name, "groups"), user.groups) for name, user in config.users.items()),
        *((("profiles", name, "allowedGroups"), profile.allowed_groups) for name, profile in config.profiles.items()),
        *(
            (("environments", "namespaces", name, "allowedGroups"), namespace.allowed_groups)
            for name, namespace in config.environments.namespaces.items()
        ),
    ]
    for path, groups in listed:
        for number, group in enumerate(groups):
            if group not in config.groups:
                yield Finding((*path, number), unknown_group(config, group))
    for path, keys in ((("culling", "groups"), config.culling.groups), (("limits", "groups"), config.limits.groups)):
        for group in keys:
            if group not in config.groups:
                yield Finding((*path, group), unknown_group(config, group), at_key=True)


def unknown_group(config: Config, group: str) -> str:
    """What is said about a group that is used and not declared."""
    return f'there is no group "{group}" below qhub.groups; {did_you_mean(group, config.groups, "groups")}'


def without_profile(config: Config) -> Iterator[Finding]:
    """Declared people to whom no profile is offered: they can sign in, and start nothing."""
    profiles = config.profiles.values()
    if any(not profile.allowed_groups and not profile.allowed_users for profile in profiles):
        return
    unlocking = {group for profile in profiles for group in profile.allowed_groups}
    people = {user for profile in profiles for user in profile.allowed_users}
    if any(group.everyone for name, group in config.groups.items() if name in unlocking):
        return
    for name in unlocking & config.groups.keys():
        people.update(config.groups[name].members)
    for name, user in config.users.items():
        if name not in people and unlocking.isdisjoint(user.groups):
            yield Finding(
                ("users", name),
                "no profile is offered to this person; name them or one of their groups in a profile's "
                "allowedUsers or allowedGroups",
                at_key=True,
            )
