"""The manifest contract: which environments exist, read by kernels, Dask options and the spawn page (design D11).

Every namespace is a folder with one manifest. Readers need nothing else: not the program that builds environments, and
no look into any of them. Nothing is imported here that costs a server's start time.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

MANIFEST = ".qhub-envs.json"
READY, FAILED = "ready", "failed"

NAMESPACE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
"""An environment's name: it becomes a folder, and a part of the names of its kernels."""

LARGEST = 32 * 2**20
"""Bytes of one manifest; a thousand environments of 200 packages take 8 MiB."""

_MOST, _LONGEST = 20_000, 4096  # items of one list or map; characters of one text
_KERNEL = re.compile(r"[A-Za-z0-9._-]{1,100}")
T = TypeVar("T")


class ManifestError(Exception):
    """A manifest that can't be used. `str()` is a sentence for administrators."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel of an environment, as its `kernel.json` describes it.

    Args:
        name: its folder below `share/jupyter/kernels`.
        title: what people see of it, such as `Python 3 (ipykernel)`.
        language: `python`, `R`, `julia` …
        argv: command; `{connection_file}` stands for Jupyter's file.
        logos: names of its pictures, `logo-64x64.png` and the like.
        problem: why it can't be started, as a sentence; empty: it can.
    """

    name: str
    title: str = ""
    language: str = ""
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    logos: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment and its build that is in force.

    Args:
        namespace: folder it belongs to; decides who sees it.
        name: its name inside the namespace.
        prefix: absolute path of the build that is in force; empty: there is none.
        status: `ready`, or a word that says why it can't be used.
        build: key of that build.
        python: version of Python in it; empty: none.
        packages: version by package name.
        size: bytes of the build.
        built: when it was built, UTC, as `2026-11-21T13:37:55Z`.
        activated: whether scripts in `etc/conda/activate.d` set variables before a program of it starts.
        message: what went wrong with the last build, as a sentence; empty: nothing.
    """

    namespace: str
    name: str
    prefix: str
    status: str = READY
    build: str = ""
    kernels: tuple[Kernel, ...] = field(default=(), hash=False)
    python: str = ""
    packages: Mapping[str, str] = field(default_factory=dict, hash=False)
    size: int = 0
    built: str = ""
    activated: bool = False
    message: str = ""

    @property
    def key(self) -> str:
        """`<namespace>/<name>`, as profiles and people write it."""
        return f"{self.namespace}/{self.name}"


Catalogue = tuple[Environment, ...]


def read_manifest(folder: Path) -> Catalogue:
    """The environments of the namespace whose folder this is; empty where nothing was ever built.

    Unknown keys are passed over, as a newer QHub may have written them. What could lead elsewhere is not: names are
    checked, and a prefix lies below the folder.

    Raises:
        ManifestError: it can't be read, is larger than `LARGEST`, or is no manifest.
    """
    path = folder / MANIFEST
    try:
        # Not through a link: in a folder that others may write, it could name any file of this machine.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ManifestError(f"{path} can't be read ({os.strerror(error.errno or 0)}).") from error
    if len(content) > LARGEST:
        raise ManifestError(f"{path} is larger than {LARGEST >> 20} MiB, which no manifest is.")
    try:
        entries = json.loads(content)
        return tuple(_environment(folder, entry) for entry in _items(entries))
    except (ValueError, TypeError, RecursionError) as error:
        what = error.args[0] if isinstance(error, _Refused) else "it is no JSON"
        raise ManifestError(f"{path} is damaged: {what}. The next build in this namespace writes it anew.") from error


def write_manifest(folder: Path, environments: Catalogue) -> None:
    """Write the manifest of a namespace whole, or not at all: whoever reads meanwhile finds the old or the new one.

    Raises:
        OSError: nothing was changed.
    """
    entries = [_entry(environment) for environment in sorted(environments, key=lambda environment: environment.name)]
    write_whole(folder / MANIFEST, json.dumps(entries, separators=(",", ":")), 0o644)


def write_whole(path: Path, text: str, mode: int) -> None:
    """Write a file under another name first, so that a full disk leaves no half of it.

    Raises:
        OSError: nothing was changed.
    """
    draft = path.with_name(f"{path.name}.new-{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, mode)  # whatever the umask is
            file.write(text)
            file.flush()
            os.fsync(handle)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _entry(environment: Environment) -> dict[str, Any]:
    entry = asdict(environment)
    del entry["namespace"]  # the folder says it
    return entry


class _Refused(ValueError):
    """`args[0]` says what is wrong with a manifest."""


def _environment(folder: Path, entry: Any) -> Environment:
    fields = _map(entry)
    name = _text(fields, "name")
    if not NAME.fullmatch(name):
        raise _Refused(f"{name[:80]!r} is not the name of an environment")
    prefix = _text(fields, "prefix")
    if prefix and (os.path.normpath(prefix) != prefix or not prefix.startswith(f"{folder}/builds/")):
        raise _Refused(f"the prefix {prefix[:200]!r} of {name} is not below {folder}/builds")
    status = _text(fields, "status")
    return Environment(
        namespace=folder.name,
        name=name,
        prefix=prefix,
        status=status if prefix or status != READY else FAILED,
        build=_text(fields, "build"),
        kernels=tuple(map(kernel_of, _items(fields.get("kernels", [])))),
        python=_text(fields, "python"),
        packages=_texts(fields.get("packages", {})),
        size=_typed(fields.get("size", 0), int),
        built=_text(fields, "built"),
        activated=fields.get("activated") is True,
        message=_text(fields, "message"),
    )


def kernel_of(entry: Any) -> Kernel:
    """A kernel from the map that describes it, whoever wrote that.

    Raises:
        ValueError: it is no such map, or out of bounds.
    """
    fields = _map(entry)
    name = _text(fields, "name")
    if not _KERNEL.fullmatch(name):
        raise _Refused(f"{name[:80]!r} is not the name of a kernel")
    return Kernel(
        name=name,
        title=_text(fields, "title"),
        language=_text(fields, "language"),
        argv=tuple(_bounded(word) for word in _items(fields.get("argv", []))),
        env=_texts(fields.get("env", {})),
        interrupt_mode="message" if fields.get("interrupt_mode") == "message" else "signal",
        metadata=_map(fields.get("metadata", {})),
        logos=tuple(logo for logo in _items(fields.get("logos", [])) if _KERNEL.fullmatch(_bounded(logo))),
        problem=_text(fields, "problem"),
    )


def _items(value: Any) -> list[Any]:
    return _typed(value, list)


def _map(value: Any) -> dict[str, Any]:
    return _typed(value, dict)


def _typed(value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _Refused(f"{str(value)[:80]!r} stands where a {kind.__name__} must be")
    if isinstance(value, list | dict) and len(value) > _MOST:
        raise _Refused(f"a list has {len(value)} items; at most {_MOST} are read")
    return value


def _texts(value: Any) -> dict[str, str]:
    # As a whole, in C: a thousand environments have some hundred thousand versions.
    texts = [*_map(value), *value.values()]
    if set(map(type, texts)) - {str}:
        raise _Refused(f"{str(value)[:80]!r} stands where a map of texts must be")
    if max(map(len, texts), default=0) > _LONGEST or "\0" in "".join(texts):
        raise _Refused("a map with a text that is too long, or with a NUL in it")
    found: dict[str, str] = value
    return found


def _text(fields: Mapping[str, Any], key: str) -> str:
    return _bounded(fields.get(key, ""))


def _bounded(value: Any) -> str:
    text = _typed(value, str)
    if len(text) > _LONGEST or "\0" in text:
        raise _Refused(f"a text of {len(text)} characters, or with a NUL in it")
    return text
