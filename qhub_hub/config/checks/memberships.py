"""Groups of the sign-in provider: each is declared, and nothing is written down that would not count."""

from collections.abc import Iterator

from qhub_hub.config.checks.references import unknown_group
from qhub_hub.config.models import Config
from qhub_hub.config.validation import Finding


def check_memberships(config: Config) -> Iterator[Finding]:
    """Groups that sign-in names without their being declared, and memberships that only the provider may state."""
    rule = config.sign_in
    for number, group in enumerate(rule.allowed_groups):
        if group not in config.groups:
            yield Finding(("signIn", "allowedGroups", number), unknown_group(config, group))
    for theirs, ours in rule.group_names.items():
        if ours not in config.groups:
            yield Finding(("signIn", "groupNames", theirs), unknown_group(config, ours))
    if rule.groups != "provider":
        return
    # A membership that is written down and does not count would be a lie.
    message = "with signIn.groups: provider only the provider says who is in a group; remove this"
    for name, declared in config.groups.items():
        if declared.members:
            yield Finding(("groups", name, "members"), message)
    for name, user in config.users.items():
        if user.groups:
            yield Finding(("users", name, "groups"), message)
