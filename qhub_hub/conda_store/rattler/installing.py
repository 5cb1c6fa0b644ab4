"""Installs packages of an explicit list that conda-store has fetched already."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path

from rattler import PackageRecord, RepoDataRecord
from rattler.package_streaming import extract

from qhub_hub.conda_store.rattler.explicit import Package
from qhub_hub.environments.compiling import compile_modules
from qhub_hub.environments.containment import Refused
from qhub_hub.environments.installing import draft_in, install_contained, keep, name_of


def create(packages: Sequence[Package], prefix: Path, cache: Path) -> None:
    """Make an environment of these packages, without running any script of theirs.

    Args:
        prefix: folder to be; must not hold an environment.
        cache: folder with the fetched packages.

    Raises:
        Refused: one of them is not what the list says, or would write elsewhere.
    """
    if (prefix / "conda-meta").exists():
        raise Refused(f"{prefix} is an environment already.")
    for package in packages:
        package.check(cache / package.file)
    with draft_in(cache) as draft:
        folders = [_unpacked(package, cache, draft) for package in packages]
        records = [_record(package, folder) for package, folder in zip(packages, folders, strict=True)]
        asyncio.run(install_contained(list(zip(records, folders, strict=True)), prefix, draft))
    for package, record, folder in zip(packages, records, folders, strict=True):
        _note(prefix / "conda-meta" / f"{name_of(record)}.json", cache / package.file, folder)
    compile_modules(prefix)
    # By this file conda-store knows an environment, and it is written last.
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    _write(prefix / "conda-meta/history", f"==> {when} <==\n# cmd: conda create (QHub's, by py-rattler)\n")
    print(f"Installed {len(packages)} packages.")


def _unpacked(package: Package, cache: Path, draft: Path) -> Path:
    """What the archive holds, which has been compared with its hash."""
    folder = cache / "unpacked" / package.hash
    if not folder.is_dir():
        extract(cache / package.file, draft / package.hash)
        keep(draft / package.hash, folder)
    return folder


def _record(package: Package, folder: Path) -> RepoDataRecord:
    """What py-rattler has to know of a package: what it says of itself, and where it is from."""
    md5, sha256 = (package.hash if len(package.hash) == digits else None for digits in (32, 64))
    try:
        found = PackageRecord.from_index_json(folder / "info/index.json", md5=md5, sha256=sha256)
    except OSError:
        raise Refused(f"{package.file} does not say what it is.") from None
    record = RepoDataRecord(found, package.file, package.url, package.channel)
    if name_of(record).lower() != package.folder.lower():
        raise Refused(f"{package.file} says of itself that it is {name_of(record)!r:.200}.")
    return record


def _note(path: Path, archive: Path, folder: Path) -> None:
    """Write what conda writes besides: where conda-store looks at a package once more."""
    record = json.loads(path.read_text(encoding="utf-8"))
    record |= {"package_tarball_full_path": str(archive), "extracted_package_dir": str(folder)}
    _write(path, json.dumps(record))


def _write(path: Path, text: str) -> None:
    """Write a file anew: what a package brought under this name may be a link, or shared with other environments."""
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
