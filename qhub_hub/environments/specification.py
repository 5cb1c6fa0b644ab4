"""What is to be built: from the values file, or from an ordinary environment.yaml in a watched folder."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qhub_hub.config import ConfigError
from qhub_hub.config.models.environments import DeclaredEnvironment, Environments
from qhub_hub.config.reading import parse
from qhub_hub.config.tree import plain
from qhub_hub.environments.manifest import NAME

FOLDER = "environments"
"""In a namespace's folder: where its environment.yaml files are looked for."""

_SERVER = "https://conda.anaconda.org"
_LARGEST = 64 * 1024  # bytes of one file
_MOST_FILES = 1000
_ALLOWED = ("name", "channels", "dependencies", "gpu")


class SpecificationError(Exception):
    """A file that says nothing that could be built. `str()` says where and why."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that may describe an environment.

    Args:
        label: how messages call it.
        stem: its name without the ending; the environment's where the file states none.
        read: gives its text, or raises `SpecificationError`.
    """

    label: str
    stem: str
    read: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Specification:
    """What is to be built.

    Args:
        channels: addresses, the first one first.
        dependencies: conda packages with versions.
        cuda: version that packages may count on; empty: none.
        source: where it is written, for people.
    """

    namespace: str
    name: str
    channels: tuple[str, ...]
    dependencies: tuple[str, ...]
    cuda: str = ""
    source: str = ""

    @property
    def key(self) -> str:
        """`<namespace>/<name>`."""
        return f"{self.namespace}/{self.name}"

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with what is to be built, and with nothing else."""
        said = {**asdict(self), "dependencies": sorted(self.dependencies), "source": ""}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def declared(config: Environments) -> tuple[Specification, ...]:
    """The environments of the values file."""
    return tuple(
        _specification(key, wanted, config, f"qhub.environments.declared.{key}")
        for key, wanted in config.declared.items()
    )


def watched(config: Environments, folder: Path) -> tuple[tuple[Specification, ...], tuple[str, ...]]:
    """The environments that files in a namespace's folder describe.

    Args:
        folder: of the namespace.

    Returns:
        Them, and a sentence for every file that describes none.
    """
    files = (File(str(path), path.stem, partial(text_of, path, str(path))) for path in _files(folder / FOLDER))
    found, complaints = described(config, folder.name, files)
    return found, tuple(complaints.values())


def described(
    config: Environments, namespace: str, files: Iterable[File]
) -> tuple[tuple[Specification, ...], dict[str, str]]:
    """The environments that files describe.

    Returns:
        Them, and a sentence for every file that describes none, by the name that the environment would have.
    """
    found: dict[str, Specification] = {}
    complaints: dict[str, str] = {}
    for file in files:
        try:
            wanted = _read(file, config, namespace)
            if wanted.name in found:
                raise SpecificationError(
                    f"{file.label} describes the environment {wanted.name}, as {found[wanted.name].source} does; "
                    "give one of them another name."
                )
            found[wanted.name] = wanted
        except SpecificationError as error:
            complaints[_free(_name_for(file.stem), complaints)] = str(error)
    return tuple(found.values()), complaints


def _name_for(stem: str) -> str:
    """What comes next to a file's name and is the name of an environment."""
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower())[:50].strip("._-")
    return name or "file"


def _free(name: str, taken: Collection[str]) -> str:
    return next(each for each in chain([name], (f"{name}-{number}" for number in count(2))) if each not in taken)


def _files(folder: Path) -> list[Path]:
    try:
        names = [name for name in os.listdir(folder) if name.endswith((".yaml", ".yml")) and not name.startswith(".")]
    except OSError:
        return []
    return [folder / name for name in sorted(names)[:_MOST_FILES]]


def _read(file: File, config: Environments, namespace: str) -> Specification:
    path = file.label
    try:
        content = plain(parse(file.read(), path))
    except ConfigError as error:
        raise SpecificationError("\n".join(map(str, error.problems))) from None
    unknown = sorted(set(content) - set(_ALLOWED))
    if unknown:
        raise SpecificationError(f"{path}: there is no key {unknown[0]!r:.80}; allowed are {', '.join(_ALLOWED)}.")
    name = content.pop("name", None) or file.stem
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise SpecificationError(
            f"{path}: {name!r:.80} is no name of an environment; allowed are 1 to 63 lower-case letters, digits, dots, "
            "- and _, with a letter or digit at both ends."
        )
    wanted = _checked(path, content)
    # A folder that others may write to must not make this machine fetch, and run, what its administrator did not allow.
    allowed = {*config.channels, *config.allowed_channels}
    for channel in wanted.channels:
        if channel not in allowed:
            raise SpecificationError(
                f"{path}: the channel {channel} is not allowed here; allowed are {', '.join(sorted(allowed))}. "
                "An administrator can add it to qhub.environments.allowedChannels."
            )
    return _specification(f"{namespace}/{name}", wanted, config, path)


def _checked(path: str, content: Mapping[str, Any]) -> DeclaredEnvironment:
    dependencies = content.get("dependencies")
    if isinstance(dependencies, list) and any(isinstance(item, dict) for item in dependencies):
        raise SpecificationError(
            f"{path}: packages below `pip:` are not built; name their conda packages, most of which are in conda-forge."
        )
    try:
        return DeclaredEnvironment.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        found = "" if first["type"] == "missing" else f" found {first['input']!r:.80};"
        raise SpecificationError(
            f"{path}: {where}:{found} allowed are channels (names or addresses) and dependencies (at least one conda "
            "package, such as python=3.11 or numpy >=2,<3, without addresses, paths and quotes)."
        ) from None


def text_of(
    path: str | Path, label: str, *, folder: int | None = None, owner: int | None = None, largest: int = _LARGEST
) -> str:
    """The text of a file that others may have put there.

    Args:
        label: how messages call it.
        folder: descriptor of the open folder that the path begins in.
        owner: user id that it must belong to; None: anybody's.
        largest: bytes.

    Raises:
        SpecificationError: it is a link or no file, somebody else's, or too large.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with open(handle, "rb") as file:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode):
                raise SpecificationError(f"{label} is no regular file.")
            # Nor through a second name of a file that is not theirs.
            if owner is not None and state.st_uid != owner:
                raise SpecificationError(f"{label} does not belong to you.")
            content = file.read(largest + 1)
    except OSError as error:
        # A link could make this process, which may read everything, show somebody's files in a message.
        raise SpecificationError(
            f"{label} can't be read ({os.strerror(error.errno or 0)}); it must be a file, not a link."
        ) from None
    if len(content) > largest:
        raise SpecificationError(f"{label} is larger than {largest >> 10} KiB, which no list of packages is.")
    return content.decode("utf-8", "replace")


def _specification(key: str, wanted: DeclaredEnvironment, config: Environments, source: str) -> Specification:
    namespace, _, name = key.partition("/")
    return Specification(
        namespace=namespace,
        name=name,
        channels=tuple(address(channel, config.mirrors) for channel in wanted.channels or config.channels),
        dependencies=wanted.dependencies,
        cuda=config.cuda if wanted.gpu else "",
        source=source,
    )


def address(channel: str, mirrors: Mapping[str, str]) -> str:
    """Where a channel is.

    Args:
        channel: name or address.
        mirrors: addresses by name.
    """
    channel = mirrors.get(channel, channel)
    return (channel if "://" in channel else f"{_SERVER}/{channel}").rstrip("/")
