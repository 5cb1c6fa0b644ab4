"""Who is let in and who administers: one rule for every way to sign in."""

from collections.abc import Iterable
from typing import Any

from qhub_hub.config.models import Config
from qhub_hub.config.names import InvalidName
from qhub_hub.hub.sign_in.refusals import NotAdmitted
from qhub_hub.hub.site import Site
from qhub_hub.identity import IdentityError, Memberships, posix_name


def names_nobody(config: Config) -> bool:
    """Whether the values file names no person at all."""
    return not config.users and not any(group.members for group in config.groups.values())


def refusal(memberships: Memberships, name: str, provided: frozenset[str]) -> str:
    """Why the values file keeps somebody out, as a sentence; empty: they are let in.

    Args:
        name: the hub's user name.
        provided: groups that the provider says, by our names.
    """
    config = memberships.config
    rule = config.sign_in
    if name in rule.blocked:
        return f"{name} may not sign in here at the moment. An administrator knows why."
    groups = memberships.of(name, provided)
    if rule.allow == "everyone" or memberships.is_admin(name, groups):
        return ""
    if rule.allow == "groups":
        if not groups.isdisjoint(rule.allowed_groups):
            return ""
        return f"Only members of certain groups may sign in here, and {name} is in none of them. Ask an administrator."
    if rule.allow is None and rule.provider == "shared-password" and names_nobody(config):
        return ""
    if name in config.users or any(not config.groups[group].everyone for group in groups):
        return ""
    return f"{name} is not among the people who may sign in here. Ask an administrator to be added."


class Admission:
    """Put before an authenticator class: the values file decides who is let in, live, and who administers."""

    parent: Any
    admin_users: Any

    @property
    def site(self) -> Site:
        """The hub's site."""
        return self.parent.tornado_settings["qhub"]  # type: ignore[no-any-return]

    def group_name(self, raw: str) -> str:
        """The name in the values file that a group of the provider has unless `groupNames` says another."""
        return raw

    def our_groups(self, raw: Iterable[str]) -> frozenset[str]:
        """Those of the provider's groups that the values file declares, by its names.

        All others are dropped here already: a person in 300 groups of a company is in a handful of ours.
        """
        config = self.site.config
        names = (config.sign_in.group_names.get(name) or self.group_name(name) for name in raw)
        return frozenset(name for name in names if name in config.groups)

    def refusal(self, name: str, groups: frozenset[str]) -> str:
        """Why this person is kept out, as a sentence; empty: they are let in."""
        return refusal(self.site.memberships, name, groups)

    def is_administrator(self, name: str, groups: frozenset[str]) -> bool:
        """Whether this person administers the hub, by the values file or by `admin_users`."""
        memberships = self.site.memberships
        return name in self.admin_users or memberships.is_admin(name, memberships.of(name, groups))

    def admit(self, name: str, groups: frozenset[str] = frozenset()) -> None:
        """Let this person pass.

        Raises:
            NotAdmitted: they are kept out, or nobody can have this name.
        """
        try:
            posix_name(name)
        except (InvalidName, IdentityError) as error:
            raise NotAdmitted(str(error)) from None  # written for people, see `config.names`
        if sentence := self.refusal(name, groups):
            raise NotAdmitted(sentence)

    def validate_username(self, username: str) -> bool:
        """Whether a user of this name may exist: also asked when an administrator adds people."""
        try:
            posix_name(username)
        except (InvalidName, IdentityError):
            return False
        return bool(super().validate_username(username))  # type: ignore[misc]

    def check_allowed(self, username: str, authentication: Any = None) -> bool:
        """Let in, or say why not. JupyterHub asks once somebody has proven who they are."""
        groups = frozenset((authentication or {}).get("groups") or ())
        try:
            self.admit(username, groups)
        except NotAdmitted as refused:
            raise refused.http() from None
        return True

    def is_admin(self, handler: Any, authentication: dict[str, Any]) -> bool:
        """Whether whoever signs in administers the hub: stated each time, so that a lost right is lost."""
        return self.is_administrator(authentication["name"], frozenset(authentication.get("groups") or ()))
