"""Reads groups out of what a provider answers; what is not as it should be is an error and never "no groups"."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qhub_hub.config.models.sign_in import SignIn
from qhub_hub.hub.sign_in.refusals import BadAnswer

MOST_GROUPS = 5000  # of one person; more is a mistake at the provider


def groups_at(claims: object, path: Sequence[str]) -> frozenset[str]:
    """The groups that a claim lists.

    Args:
        claims: the provider's answer.
        path: keys to go down; each is taken as it is, dots and all.

    Raises:
        BadAnswer: there is no such claim, or it is not a list of names.
    """
    shown = " → ".join(path)
    found = claims
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            raise BadAnswer(
                f"The sign-in provider does not say which groups you are in: its answer has no claim {shown}. "
                "An administrator has to set it up there, or to correct groupsClaim."
            )
        found = found[key]
    return group_list(found, f"the claim {shown}")


def group_list(found: object, what: str) -> frozenset[str]:
    """A list of group names, each in Unicode's normal form, in which the values file has them too.

    Raises:
        BadAnswer: it is something else.
    """
    # A single text would be taken apart into letters by whoever asks for its members.
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        kind = "a list with something else in it" if isinstance(found, list) else _KINDS.get(type(found), "a map")
        raise BadAnswer(
            f"The sign-in provider does not say which groups you are in: {what} must be a list of names, "
            f"but is {kind}. An administrator has to correct it there."
        )
    if len(found) > MOST_GROUPS:
        raise BadAnswer(
            f"The sign-in provider says that you are in {len(found)} groups; at most {MOST_GROUPS} are read. "
            "An administrator has to have it send fewer."
        )
    return frozenset(unicodedata.normalize("NFC", name) for name in found)


_KINDS = {str: "a text", int: "a number", float: "a number", bool: "true or false", type(None): "nothing"}


def claim_reader(state_key: str, rule: SignIn, path: Sequence[str]) -> Callable[[Mapping[str, Any]], frozenset[str]]:
    """For `auth_state_groups_key`: reads the groups out of what is kept of a sign-in.

    Args:
        state_key: where the provider's answer is kept (`oauth_user`).
        rule: with `groups: values` nothing is read.
        path: of the claim.
    """
    if rule.groups == "values":
        return lambda state: frozenset()
    return lambda state: groups_at(state[state_key], path)
