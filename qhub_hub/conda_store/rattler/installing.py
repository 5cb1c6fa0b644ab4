"""Installs packages of an explicit list that conda-store has fetched already."""

import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rattler import RepoDataRecord, install
from rattler.package_streaming import extract

from qhub_hub.conda_store.folder import DRAFTS
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
    if len({package.folder for package in packages}) < len(packages):
        raise Refused("Two packages of the list are one package of the same version and build.")
    for package in packages:
        package.check(cache / package.file)
    check_contained(_unpacked(packages, cache))
    names = asyncio.run(_install(packages, prefix, cache))
    for package, name in zip(packages, names, strict=True):
        _note(package, prefix / "conda-meta" / f"{name}.json", cache)
    compile_modules(prefix)
    # By this file conda-store knows an environment, and it is written last.
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    _write(prefix / "conda-meta/history", f"==> {when} <==\n# cmd: conda create (QHub's, by py-rattler)\n")
    print(f"Installed {len(packages)} packages.")


def _unpacked(packages: Sequence[Package], cache: Path) -> Iterator[Path]:
    """What the archives hold that are about to be installed; it replaces what something else was unpacked to."""
    drafts = cache / DRAFTS
    shutil.rmtree(drafts, ignore_errors=True)  # of one that was killed: conda-store installs one by one
    drafts.mkdir(exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=drafts))
    try:
        for package in packages:
            extract(cache / package.file, draft / package.folder)
            yield draft / package.folder
            # conda-store looks for a package's description there afterwards.
            if os.path.lexists(cache / package.folder):
                (cache / package.folder).rename(draft / f".{package.folder}")
            (draft / package.folder).rename(cache / package.folder)
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


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
    _write(path, json.dumps(record))


def _write(path: Path, text: str) -> None:
    """Write a file anew: what a package brought under this name may be a link, or shared with other environments."""
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
