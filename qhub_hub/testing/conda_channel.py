"""A conda channel on this machine, made of the packages that are installed beside the tests: no network, no conda.

It is for tests only: its Python is a copy of this one, which needs the libraries of this machine.
"""

import fcntl
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from zstandard import ZstdCompressor

_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
_SKIPPED = {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "turtledemo", "ensurepip"}
_WHEN = 1_700_000_000
_LARGE = {"debugpy"}  # a third of a kernel's megabytes, and it runs without


@dataclass(frozen=True)
class Package:
    """A package to be written.

    Args:
        files: content by path inside an environment; a path: of the file to copy.
        links: target by path.
        noarch: whether it is the same on every platform.
    """

    name: str
    version: str = "1.0"
    depends: tuple[str, ...] = ()
    files: Mapping[str, str | Path] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    noarch: bool = True


def make_channel(folder: Path, packages: Iterable[Package]) -> str:
    """Write packages and their index; returns the channel's address. Ten seconds for a kernel and its Python."""
    for subdir in ("linux-64", "noarch"):
        (folder / subdir).mkdir(parents=True, exist_ok=True)
    for package in packages:
        _write(folder, package)
    # Threads of py-rattler outlive it and end the interpreter badly (0.28), so it works in a child.
    script = (
        "import asyncio, os, sys; from pathlib import Path; from rattler.index.index import index_fs; "
        "asyncio.run(index_fs(Path(sys.argv[1]), write_shards=False)); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True)  # noqa: S603 - this Python
    return f"file://{folder}"


def kept_channel(folder: Path, packages: Callable[[], Iterable[Package]]) -> str:
    """Address of a channel that is made once and kept for whoever comes later, or at the same time.

    Args:
        packages: called where it is not there yet.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            draft = Path(tempfile.mkdtemp(dir=folder.parent))
            make_channel(draft, packages())
            draft.chmod(0o755)
            draft.rename(folder)
    return f"file://{folder}"


def installed(*names: str, site: Path | None = None) -> list[Package]:
    """Packages of these installed distributions, of all that they need, and of Python itself.

    Args:
        site: folder that they are installed in; None: beside this.
    """
    found: dict[str, Package] = {}
    ahead = list(names)
    while ahead:
        name = str(canonicalize_name(ahead.pop()))
        if name in found or name in _LARGE:
            continue
        try:
            package = _of_distribution(_distribution(name, site))
        except PackageNotFoundError:
            continue
        found[name] = package
        ahead += [dependency.split(" ")[0] for dependency in package.depends if not dependency.startswith("python ")]
    return [python(), *found.values()]


def _distribution(name: str, site: Path | None) -> Distribution:
    if site is None:
        return distribution(name)
    for found in distributions(name=name, path=[str(site)]):
        return found
    raise PackageNotFoundError(name)


def python() -> Package:
    """This Python with its standard library; it finds its files from where it is put."""
    library = Path(sysconfig.get_path("stdlib"))
    files: dict[str, str | Path] = {f"bin/python{_MINOR}": Path(sys.executable).resolve()}
    for path in library.rglob("*"):
        relative = path.relative_to(library)
        if path.is_file() and not _SKIPPED.intersection(relative.parts) and not relative.parts[0].startswith("config-"):
            files[f"lib/python{_MINOR}/{relative}"] = path
    shared = Path(str(sysconfig.get_config_var("LIBDIR")), str(sysconfig.get_config_var("LDLIBRARY")))
    if sysconfig.get_config_var("Py_ENABLE_SHARED") and shared.is_file():
        files |= {f"lib/{name}": shared.resolve() for name in {shared.name, f"{shared.name}.1.0"}}
    # Debian's Python looks into dist-packages only.
    files[f"lib/python{_MINOR}/dist-packages/conda-site.pth"] = "../site-packages\n"
    files[f"lib/python{_MINOR}/site-packages/README.txt"] = "Packages\n"
    files.pop(f"lib/python{_MINOR}/EXTERNALLY-MANAGED", None)
    links = {name: f"python{_MINOR}" for name in ("bin/python", "bin/python3")}
    return Package("python", _version(), files=files, links=links, noarch=False)


def _version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _of_distribution(found: Distribution) -> Package:
    site = f"lib/python{_MINOR}/site-packages"
    files: dict[str, str | Path] = {}
    for path in found.files or ():
        source = Path(str(found.locate_file(path)))
        parts = path.parts
        if "__pycache__" in parts or path.name == "RECORD" or not source.is_file():
            continue
        if parts[0] != "..":
            files[f"{site}/{path}"] = source
        elif "share" in parts:  # kernel.json and its pictures
            files["/".join(parts[parts.index("share") :])] = source
    needs = [_dependency(Requirement(text)) for text in found.requires or ()]
    depends = (f"python {_MINOR}.*", *(text for text in needs if text))
    return Package(str(canonicalize_name(found.name)), found.version, depends, files, noarch=False)


def _dependency(needed: Requirement) -> str:
    name = str(canonicalize_name(needed.name))
    if (needed.marker and not needed.marker.evaluate({"extra": ""})) or name in _LARGE:
        return ""
    # What is installed fits already; versions in conda's words would add nothing.
    return f"{name} *"


def _write(folder: Path, package: Package) -> None:
    subdir = "noarch" if package.noarch else "linux-64"
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for name, content in package.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copy2(content, root / name)
            else:
                (root / name).write_text(content)
                (root / name).chmod(0o755 if name.startswith("bin/") else 0o644)
        for name, aim in package.links.items():
            (root / name).symlink_to(aim)
        names = sorted([*package.files, *package.links])
        about: dict[str, object] = {
            "index.json": _index(package, subdir),
            "paths.json": {"paths": [_path(root, name) for name in names], "paths_version": 1},
        }
        stem = f"{package.name}-{package.version}-0"
        with ZipFile(folder / subdir / f"{stem}.conda", "w") as whole:
            whole.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
            with _part(whole, f"pkg-{stem}.tar.zst") as archive:
                for name in names:
                    archive.add(root / name, name, recursive=False)
            with _part(whole, f"info-{stem}.tar.zst") as archive:
                for name, facts in about.items():
                    text = json.dumps(facts).encode()
                    entry = tarfile.TarInfo(f"info/{name}")
                    entry.size, entry.mtime = len(text), _WHEN
                    archive.addfile(entry, io.BytesIO(text))


@contextmanager
def _part(whole: ZipFile, name: str) -> Iterator[tarfile.TarFile]:
    """One of the two compressed halves of a package: what is in it, and what it says of itself."""
    with (
        whole.open(name, "w") as packed,
        ZstdCompressor(level=1).stream_writer(packed) as stream,
        tarfile.open(fileobj=stream, mode="w|") as archive,
    ):
        yield archive


def _index(package: Package, subdir: str) -> dict[str, object]:
    index: dict[str, object] = {
        "name": package.name,
        "version": re.sub(r"[^A-Za-z0-9.!+]", "_", package.version),
        "build": "0",
        "build_number": 0,
        "depends": list(package.depends),
        "constrains": [],
        "subdir": subdir,
        "timestamp": _WHEN * 1000,
    }
    return index | ({"noarch": "generic"} if package.noarch else {"arch": "x86_64", "platform": "linux"})


def _path(root: Path, name: str) -> dict[str, object]:
    link = (root / name).is_symlink()
    content = b"" if link else (root / name).read_bytes()
    kind = "softlink" if link else "hardlink"
    digest = hashlib.sha256((root / name).resolve().read_bytes()).hexdigest()
    return {"_path": name, "path_type": kind, "sha256": digest, "size_in_bytes": len(content)}
