"""The record of one build: what was asked for, how it went, what is in it."""

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qhub_hub.environments.manifest import Kernel, kernel_of

KEY = re.compile(r"[0-9a-f]{12}-[0-9]{8}T[0-9]{6}Z")
"""What a build is called: what was asked for, and when."""

ENDED = "The build was ended before it was done (killed, or out of memory)."
"""Message of a build that could not say itself why it failed."""

STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Build:
    """The record of one build, whole or failed.

    Args:
        key: `<digest>-<time>`.
        status: `ready` or `failed`.
        message: why it failed, as a sentence.
        again: whether the reason may pass by itself (a channel that is down, a full disk).
        dependencies, channels: what was asked for.
        seconds: how long it took.
    """

    key: str
    status: str
    message: str = ""
    again: bool = False
    dependencies: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    seconds: float = 0.0
    kernels: tuple[Kernel, ...] = ()
    python: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    size: int = 0
    activated: bool = False

    @property
    def digest(self) -> str:
        """Of the specification that it was built from."""
        return self.key.partition("-")[0]

    @property
    def stamp(self) -> str:
        """When it was begun; later ones compare greater."""
        return self.key.partition("-")[2]

    @property
    def begun(self) -> datetime:
        """When it was begun."""
        return datetime.strptime(self.stamp, STAMP).replace(tzinfo=UTC)


def read_record(path: Path, key: str) -> Build | None:
    """A record as it was written; None where it is damaged: that is the record of a half build.

    Args:
        key: of the build, which the file's name says.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        build = Build(**content)
        return replace(
            build,
            key=key,
            dependencies=tuple(build.dependencies),
            channels=tuple(build.channels),
            kernels=tuple(map(kernel_of, content["kernels"])),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
