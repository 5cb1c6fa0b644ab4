"""Whether a running server is still one that its owner may have. Asks the plan again; decides nothing itself."""

from typing import Any

from qhub_hub.hub.planned import hub_groups
from qhub_hub.hub.site import Site
from qhub_hub.sessions import PlanSummary, Rejected, Usage

_STANDING = frozenset({"profile", "choice", "no-profile", "identity"})
"""Rejections that are about the person. Limits, full nodes and outages end nothing that runs."""


def lost_right(site: Site, authenticator: Any, user: Any, decided: PlanSummary) -> str:
    """Why somebody may no longer have a running server, as a sentence; empty: they may.

    Args:
        site: the values in force.
        authenticator: one with `refusal` says whether the person is let in at all.
        user: the owner.
        decided: what the plan was when the server started.
    """
    groups = hub_groups(user)
    refusal = getattr(authenticator, "refusal", None)
    if refusal is not None and (sentence := str(refusal(user.name, groups))):
        return sentence
    # Environments come and go while they are built: one that is not there now is no lost right.
    choices = {name: value for name, value in decided.choices.items() if name != "environment"}
    try:
        identity = site.identity(user.name, groups)
        site.plan(identity, choices, "", Usage())
    except Rejected as rejected:
        return rejected.message if rejected.reason in _STANDING else ""
    # The processes of a server keep the ids that they were started with, and with them the group's files.
    lost = sorted(set(decided.groups) - identity.group_names)
    if lost:
        return f"You are no longer a member of {lost[0]}, whose files this server could open. Start it again without."
    return ""
