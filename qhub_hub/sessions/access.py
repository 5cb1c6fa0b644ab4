"""Who may use a profile, and the sentences that say so."""

from qhub_hub.config.models.profiles import Profile
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.wording import listed


def may_use(profile: Profile, identity: Identity) -> bool:
    """Whether a profile is open to this person: to everybody, to a group of theirs, or to them by name."""
    if not profile.allowed_groups and not profile.allowed_users:
        return True
    return identity.name in profile.allowed_users or not identity.group_names.isdisjoint(profile.allowed_groups)


def unlocking_group(profile: Profile, identity: Identity) -> str:
    """Full name of the first group that opens a profile to this person; empty: none was needed."""
    return next((name for name in profile.allowed_groups if name in identity.group_names), "")


def audience_of(profile: Profile) -> str:
    """Who may use a profile, as a card says it: `Everyone`, `Group gpu`, `Groups gpu, ml and ann`."""
    groups, users = profile.allowed_groups, profile.allowed_users
    if not groups:
        return listed(users) or "Everyone"
    kind = "Group" if len(groups) == 1 else "Groups"
    return f"{kind} {listed((*groups, *users))}"


def membership_sentence(profile: Profile) -> str:
    """Why a profile is locked to somebody, and what to do about it."""
    groups, users = profile.allowed_groups, profile.allowed_users
    parts = [f"members of {listed(groups, 'or')}"] if groups else []
    parts += [listed(users)] if users else []
    return f"Only for {' and for '.join(parts)}. Ask an administrator to be added."
