"""Dotted names of the values file's keys, as people find them in the file."""

import json
import re


def yaml_key(*parts: str) -> str:
    """`qhub.profiles.small.memory.limit` from the parts below `qhub`.

    A part that holds a dot or another sign that would make the path ambiguous is put in double quotes:
    `qhub.users."ann.b".groups`.
    """
    written = (part if re.fullmatch(r"[\w-]+", part) else json.dumps(part, ensure_ascii=False) for part in parts)
    return ".".join(("qhub", *written))
