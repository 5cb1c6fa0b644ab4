"""Installs packages of an explicit list that conda-store has fetched already."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rattler import RepoDataRecord, install
from rattler.package_streaming import extract

from qhub_hub.conda_store.rattler.containment import check_contained
from qhub_hub.conda_store.rattler.explicit import Package, Refused
from qhub_hub.environments.worker import compile_modules


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
        _unpack(cache / package.file, cache / package.folder)
    check_contained(cache / package.folder for package in packages)
    names = asyncio.run(_install(packages, prefix, cache))
    for package, name in zip(packages, names, strict=True):
        _note(package, prefix / "conda-meta" / f"{name}.json", cache)
    compile_modules(prefix)
    # By this file conda-store knows an environment, and it is written last.
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    (prefix / "conda-meta/history").write_text(f"==> {when} <==\n# cmd: conda create (QHub's, by py-rattler)\n")
    print(f"Installed {len(packages)} packages.")


def _unpack(archive: Path, folder: Path) -> None:
    """Where conda-store has not: it leaves packages alone that it finds fetched."""
    if folder.is_dir():
        return
    draft = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        extract(archive, draft / "new")
        (draft / "new").rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


async def _install(packages: Sequence[Package], prefix: Path, cache: Path) -> list[str]:
    """Install them; returns what each calls itself, which is the name of its record."""
    records, names = [], []
    for package in packages:
        record = await RepoDataRecord.from_package_archive(cache / package.file)
        stated = f"{record.name.normalized}-{record.version}-{record.build}"
        if stated.lower() != package.folder.lower():
            raise Refused(f"{package.file} says of itself that it is {stated!r:.200}.")
        records.append(record)
        names.append(stated)
    await install(
        records,
        target_prefix=prefix,
        cache_dir=cache / "unpacked",
        show_progress=False,
        execute_link_scripts=False,
    )
    return names


def _note(package: Package, path: Path, cache: Path) -> None:
    """Write what conda writes besides: where a package came from, and where conda-store looks at it once more."""
    record = json.loads(path.read_text(encoding="utf-8"))
    record |= {
        "url": package.url,
        "channel": package.channel,
        "package_tarball_full_path": str(cache / package.file),
        "extracted_package_dir": str(cache / package.folder),
    }
    path.write_text(json.dumps(record), encoding="utf-8")
