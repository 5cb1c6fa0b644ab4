"""Installs unpacked packages, and only if none of them would write outside the environment."""

import os
import shutil
import tempfile
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rattler import MatchSpec, RepoDataRecord, install
from rattler.package_cache import PackageCache, PackageCacheLayer, ValidationMode

from qhub_hub.environments.containment import Refused, Unpacked, check_contained

LONGEST = 3600.0
"""Seconds that a package may take to be fetched. A draft's folder changes with each that is begun."""

_LEFT = 2 * LONGEST  # seconds since it changed: whoever made it was killed, as installing takes a part of that only
_NONE = "qhub-none"  # no package is called so


async def install_contained(
    packages: Sequence[tuple[RepoDataRecord, Path]], prefix: Path, draft: Path, reporter: Any = None
) -> None:
    """Make an environment of packages, without running any script of theirs.

    Args:
        packages: each with the folder that it is unpacked to, which environments share files with.
        prefix: folder to be.
        draft: a folder of this build's own.
        reporter: is told how far it is, see `rattler.install`.

    Raises:
        Refused: one of them would write elsewhere. Then nothing is installed.
    """
    found = [_unpacked(record, folder) for record, folder in packages]
    if len({package.name for package in found}) < len(found):
        raise Refused("Two packages are one package of the same version and build.")
    await install(
        [record for record, _ in packages],
        target_prefix=prefix,
        package_cache=_only(found, check_contained(found), draft),
        show_progress=False,
        reporter=reporter,
        execute_link_scripts=False,
    )


def _only(packages: Sequence[Unpacked], changing: Container[str], draft: Path) -> PackageCache:
    """What py-rattler installs from: these packages and nothing else, as it can't fetch any.

    Args:
        changing: names of those of which it gets a copy.
    """
    view, nothing = draft / "view", draft / "nothing"
    view.mkdir()
    nothing.mkdir()
    for package in packages:
        if package.name in changing:
            shutil.copytree(package.folder, view / package.name, symlinks=True)
        else:
            (view / package.name).symlink_to(package.folder)
        (view / f"{package.name}.lock").touch()  # py-rattler opens one beside each
    view.chmod(0o555)
    # py-rattler 0.28 fetches nothing into a folder that can't be written, and of the other one, which it locks, it
    # believes that it is for no package. So what was looked at is what is installed.
    return PackageCache.from_layers(
        [
            PackageCacheLayer(view).with_validation_mode(ValidationMode.skip()),
            PackageCacheLayer(nothing).with_filter(MatchSpec(_NONE)),
        ]
    )


def name_of(record: RepoDataRecord) -> str:
    """What a package is called in the folder of packages, and what its record is called in an environment."""
    return f"{record.name.normalized}-{record.version}-{record.build}"


def _unpacked(record: RepoDataRecord, folder: Path) -> Unpacked:
    name = name_of(record)
    site = _site(record, name) if record.name.normalized == "python" else ""
    return Unpacked(folder, name, record.noarch.python, site)


def _site(python: RepoDataRecord, name: str) -> str:
    """Where a Python has its packages."""
    if stated := python.python_site_packages_path:
        return stated
    try:
        major, minor = str(python.version).split(".")[:2]
        return f"lib/python{int(major)}.{int(minor)}/site-packages"
    except ValueError:
        raise Refused(f"{name} is no version of Python.") from None


@contextmanager
def draft_in(cache: Path) -> Iterator[Path]:
    """A folder of a build's own, on the disk of the packages, for what is not whole yet. It goes with the build."""
    drafts = cache / "drafts"
    drafts.mkdir(parents=True, exist_ok=True)
    for left in list(drafts.iterdir()):
        with suppress(OSError):  # it went meanwhile
            if time.time() - left.lstat().st_mtime > _LEFT:
                _remove(left)
    draft = Path(tempfile.mkdtemp(dir=drafts))
    try:
        yield draft
    finally:
        _remove(draft)


def _remove(draft: Path) -> None:
    with suppress(OSError):  # there is none, or it is somebody else's
        (draft / "view").chmod(0o755)
    shutil.rmtree(draft, ignore_errors=True)


def keep(draft: Path, folder: Path) -> None:
    """Put an unpacked package where it is kept, changed by nobody else. Another build may have done so meanwhile."""
    _close(draft)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _close(folder: Path) -> None:
    """Let nobody but the owner change a package: its archive says otherwise at times, and environments link its files.

    From above, as a folder may have to be opened first; and nothing that a link leads to.
    """
    os.chmod(folder, os.stat(folder).st_mode & 0o755 | 0o700)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _close(Path(entry.path))
            elif not entry.is_symlink():
                mode = entry.stat(follow_symlinks=False).st_mode
                if mode & 0o7777 != (wanted := (mode | 0o600) & 0o755):
                    os.chmod(entry.path, wanted)
