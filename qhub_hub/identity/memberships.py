"""Who is in which group, as the values file says; turned round once per Config, asked for every spawn."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from qhub_hub.config.models import Config


class Memberships:
    """Groups by person and people by group, of one Config.

    Build it once per Config and keep it beside: with 10,000 people that takes tens of milliseconds, an answer
    microseconds.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        by_person: dict[str, set[str]] = {}
        by_group: dict[str, set[str]] = {name: set() for name in config.groups}
        for name, user in config.users.items():
            by_person[name] = {group for group in user.groups if group in config.groups}
        for name, group in config.groups.items():
            for person in group.members:
                by_person.setdefault(person, set()).add(name)
        for person, groups in by_person.items():
            for name in groups:
                by_group[name].add(person)
        self._everyone = frozenset(name for name, group in config.groups.items() if group.everyone)
        self._admins = frozenset(name for name, group in config.groups.items() if group.admin)
        self._by_person: Mapping[str, frozenset[str]] = MappingProxyType(
            {person: frozenset(groups) for person, groups in by_person.items()}
        )
        self._by_group: Mapping[str, tuple[str, ...]] = MappingProxyType(
            {name: tuple(sorted(people)) for name, people in by_group.items()}
        )

    def of(self, person: str, hub_groups: Iterable[str] = ()) -> frozenset[str]:
        """Groups of this person.

        Args:
            hub_groups: as the sign-in provider says. Those that the values file doesn't declare give nothing:
                a provider must not be able to make groups, or somebody could call theirs like one of ours.
        """
        provided = self.config.groups.keys() & set(hub_groups)
        return self._everyone.union(self._by_person.get(person, ()), provided)

    def named_in(self, group: str) -> tuple[str, ...]:
        """People that the values file puts into this group by name, sorted."""
        return self._by_group.get(group, ())

    def is_admin(self, person: str, groups: frozenset[str]) -> bool:
        """Whether this person, with these groups, administers the hub."""
        user = self.config.users.get(person)
        return (user is not None and user.admin) or not self._admins.isdisjoint(groups)
