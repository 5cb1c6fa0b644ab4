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
from typing import Any

from qhub_hub.environments.bounds import OutOfBounds, bounded, items, mapping, text, texts, typed

MANIFEST = ".qhub-envs.json"
READY, FAILED = "ready", "failed"

NAMESPACE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
"""An environment's name: it becomes a folder, and a part of the names of its kernels."""

LARGEST = 32 * 2**20
"""Bytes of one manifest; a thousand environments of 200 packages take 8 MiB."""

_KERNEL = re.compile(r"[A-Za-z0-9._-]{1,100}")


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

    Raises:
        ManifestError: it can't be read, is larger than `LARGEST`, or is no manifest.
    """
    content = manifest_content(folder)
    return () if content is None else parse_manifest(folder, content)


def manifest_content(folder: Path) -> bytes | None:
    """A namespace's manifest as it is written; None where nothing was ever built.

    Raises:
        ManifestError: it can't be read, or is larger than `LARGEST`.
    """
    path = folder / MANIFEST
    try:
        # Not through a link: in a folder that others may write, it could name any file of this machine.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestError(f"{path} can't be read ({os.strerror(error.errno or 0)}).") from error
    if len(content) > LARGEST:
        raise ManifestError(f"{path} is larger than {LARGEST >> 20} MiB, which no manifest is.")
    return content


def parse_manifest(folder: Path, content: bytes) -> Catalogue:
    """The environments of a manifest.

    Unknown keys are passed over, as a newer QHub may have written them. What could lead elsewhere is not: names are
    checked, and a prefix lies below the folder.

    Args:
        folder: of the namespace, as whoever uses the environments sees it.

    Raises:
        ManifestError: it is no manifest.
    """
    try:
        return tuple(_environment(folder, entry) for entry in items(json.loads(content)))
    except (ValueError, TypeError, RecursionError) as error:
        what = error.args[0] if isinstance(error, OutOfBounds) else "it is no JSON"
        raise ManifestError(
            f"{folder / MANIFEST} is damaged: {what}. The next build in this namespace writes it anew."
        ) from error


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


def _environment(folder: Path, entry: Any) -> Environment:
    fields = mapping(entry)
    name = text(fields, "name")
    if not NAME.fullmatch(name):
        raise OutOfBounds(f"{name[:80]!r} is not the name of an environment")
    prefix = text(fields, "prefix")
    if prefix and (os.path.normpath(prefix) != prefix or not prefix.startswith(f"{folder}/builds/")):
        raise OutOfBounds(f"the prefix {prefix[:200]!r} of {name} is not below {folder}/builds")
    status = text(fields, "status")
    return Environment(
        namespace=folder.name,
        name=name,
        prefix=prefix,
        status=status if prefix or status != READY else FAILED,
        build=text(fields, "build"),
        kernels=tuple(map(kernel_of, items(fields.get("kernels", [])))),
        python=text(fields, "python"),
        packages=texts(fields.get("packages", {})),
        size=typed(fields.get("size", 0), int),
        built=text(fields, "built"),
        activated=fields.get("activated") is True,
        message=text(fields, "message"),
    )


def kernel_of(entry: Any) -> Kernel:
    """A kernel from the map that describes it, whoever wrote that.

    Raises:
        ValueError: it is no such map, or out of bounds.
    """
    fields = mapping(entry)
    name = text(fields, "name")
    if not _KERNEL.fullmatch(name):
        raise OutOfBounds(f"{name[:80]!r} is not the name of a kernel")
    return Kernel(
        name=name,
        title=text(fields, "title"),
        language=text(fields, "language"),
        argv=tuple(bounded(word) for word in items(fields.get("argv", []))),
        env=texts(fields.get("env", {})),
        interrupt_mode="message" if fields.get("interrupt_mode") == "message" else "signal",
        metadata=mapping(fields.get("metadata", {})),
        logos=tuple(logo for logo in items(fields.get("logos", [])) if _KERNEL.fullmatch(bounded(logo))),
        problem=text(fields, "problem"),
    )
