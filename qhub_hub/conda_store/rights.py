"""What somebody may do in conda-store, as the hub says it now."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from qhub_hub.conda_store.names import is_slug

_FRESH = 5.0  # seconds for which an answer is used again
_WITHIN = 10.0  # seconds
_MOST = 10_000  # people


class HubAway(Exception):
    """The hub gave no answer that could be used."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do.

    Args:
        admin: everything.
        home: namespace of their own.
        build: namespaces in which they make, change and remove environments.
        see: namespaces that they see.
    """

    admin: bool
    home: str
    build: tuple[str, ...]
    see: tuple[str, ...]

    def bindings(self) -> dict[str, list[str]]:
        """The same in conda-store's words: roles by pattern. Names that it would misread are left out."""
        if self.admin:
            return {"*/*": ["admin"]}
        seen = {f"{name}/*": ["viewer"] for name in self.see if is_slug(name)}
        return seen | {f"{name}/*": ["developer"] for name in self.build if is_slug(name)}


def rights_of(answer: Mapping[str, Any]) -> Rights:
    """What the hub answered.

    Raises:
        KeyError, TypeError: it is not such an answer.
    """
    return Rights(answer["admin"] is True, str(answer["home"]), _names(answer["build"]), _names(answer["see"]))


def _names(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise TypeError("no list of names")
    return tuple(map(str, found))


class HubRights:
    """Asks the hub, and remembers for some seconds.

    Args:
        api: where the hub's API is.
        token: of the service.
    """

    def __init__(self, api: str, token: str) -> None:
        self._api = api
        self._headers = {"Authorization": f"token {token}"}
        self._known: OrderedDict[str, tuple[float, Rights | None]] = OrderedDict()

    def of(self, name: str, *, anew: bool = False) -> Rights | None:
        """What a person may do; None: the hub lets them in no more.

        Args:
            anew: whether an answer from a moment ago won't do.

        Raises:
            HubAway: that can't be told now.
        """
        asked, known = self._known.get(name, (0.0, None))
        if not anew and asked and time.monotonic() - asked < _FRESH:
            return known
        found = self._ask(name)
        self._known[name] = (time.monotonic(), found)
        self._known.move_to_end(name)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return found

    def _ask(self, name: str) -> Rights | None:
        try:
            answer = requests.get(
                f"{self._api}/qhub/environments/{quote(name, safe='')}", headers=self._headers, timeout=_WITHIN
            )
            content = answer.json()
            if answer.status_code in (403, 404) and content.get("known") is False:
                return None
            answer.raise_for_status()
            return rights_of(content)
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise HubAway(f"the hub can't say what {name!r:.80} may do ({type(error).__name__})") from error
