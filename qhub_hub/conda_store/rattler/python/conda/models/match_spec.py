"""What is asked for."""

import re

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class MatchSpec:
    """A package with a version, as `qhub_hub.conda_store.rules` lets it through.

    Args:
        text: such as `numpy >=2,<3`.

    Raises:
        ValueError: it is none.
    """

    def __init__(self, text: str) -> None:
        found = _NAME.match(text)
        if found is None:
            raise ValueError(f"{text!r:.80} is no conda package with a version")
        self.name = found[0].lower()
