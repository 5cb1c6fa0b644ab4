"""The process that solves and installs: `python -m qhub_hub.environments.worker`, with a job on its standard input.

A process of its own because py-rattler 0.28 takes the interpreter with it when it ends, because it runs the Python that
it installs where the builder has another version, and so needs rights of its own, and because nothing of it must slow
a hub.
It says one JSON object per line: `say` while it works, then `done` or `problem`.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

from rattler import (
    BuildString,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    RepoDataRecord,
    Subdir,
    Version,
    VirtualPackage,
    VirtualPackageOverrides,
    solve,
)
from rattler.exceptions import FetchRepoDataError, GatewayError, InvalidMatchSpecError, SolverError

from qhub_hub.config.quantities import show_bytes
from qhub_hub.environments.compiling import compile_modules
from qhub_hub.environments.containment import Refused
from qhub_hub.environments.contents import contents_of
from qhub_hub.environments.fetching import FULL, NotThePackage, fetch
from qhub_hub.environments.installing import draft_in, install_contained

_UNPACKED = 4  # bytes on disk per byte of packages, at most, as seen with conda-forge's
_LITTLE = 16 * 2**20  # bytes: with less, the disk is why something failed


class Problem(Exception):
    """Why nothing can be built. `str()` is a sentence.

    Args:
        again: whether that may pass by itself.
    """

    def __init__(self, sentence: str, *, again: bool = False) -> None:
        super().__init__(sentence)
        self.again = again


async def _build(job: dict[str, Any]) -> dict[str, Any]:
    prefix = Path(job["prefix"])
    gateway = Gateway(cache_dir=Path(job["cache"]) / "repodata")
    records = await solved(job, gateway)
    download = sum(record.size or 0 for record in records)
    _say(f"{len(records)} packages, {show_bytes(download)}")
    if download * _UNPACKED > job["room"]:
        raise Problem(
            f"Its packages take up to {show_bytes(download * _UNPACKED)}, and {show_bytes(max(job['room'], 0))} may "
            "still be used. Remove an environment, or ask an administrator for more.",
            again=True,
        )
    with draft_in(Path(job["cache"])) as draft:
        try:
            folders = await fetch(records, Path(job["cache"]) / "packages", draft, _say_fetched)
            await install_contained(list(zip(records, folders, strict=True)), prefix, draft, _Reporter())
        except Exception as error:
            # Now, as what may have filled the disk goes with the draft.
            raise _sentence(error, prefix) from error
    packages = {record.name.normalized: str(record.version) for record in records}
    _say("Compiling")
    compile_modules(prefix)
    return {**contents_of(prefix, packages), "packages": packages, "lock": _lock(records)}


async def solved(job: dict[str, Any], gateway: Gateway) -> list[RepoDataRecord]:
    """The packages that meet a job's requirements.

    Args:
        job: what was asked for, as `main` gets it.
        gateway: to the channels.

    Raises:
        Problem: there are none, as a sentence.
    """
    platforms = [Subdir.current(), Subdir("noarch")]
    _say(f"Solving {len(job['dependencies'])} requirements from {', '.join(job['channels'])}")
    try:
        return await solve(
            job["channels"],
            job["dependencies"],
            gateway=gateway,
            platforms=platforms,
            virtual_packages=_virtual_packages(job["cuda"]),
        )
    except SolverError as error:
        print(error, file=sys.stderr)  # the log has the whole story
        available = {name.normalized for name in await gateway.names(job["channels"], platforms)}
        names = {text: MatchSpec(text).name for text in job["dependencies"]}
        missing = [text for text, name in names.items() if name and name.normalized not in available]
        if missing:
            raise Problem(f"{missing[0]} is in none of the channels {', '.join(job['channels'])}.") from error
        raise Problem(
            "These packages can't be installed together in these versions; the log says which contradict each other."
        ) from error
    except InvalidMatchSpecError as error:
        raise Problem("One of the dependencies is no package and version; the log says which.") from error
    except (GatewayError, FetchRepoDataError) as error:
        raise Problem(
            f"A channel can't be read now: {', '.join(job['channels'])}. Is it down, or its address wrong?", again=True
        ) from error


def _virtual_packages(cuda: str) -> list[VirtualPackage | GenericVirtualPackage]:
    # The machine that builds says what libraries there are, but not which accelerators: other machines have those.
    found: list[VirtualPackage | GenericVirtualPackage] = [
        package
        for package in VirtualPackage.detect(VirtualPackageOverrides())
        if package.into_generic().name.normalized != "__cuda"
    ]
    if cuda:
        found.append(GenericVirtualPackage(PackageName("__cuda"), Version(cuda), BuildString("0")))
    return found


def _lock(records: list[RepoDataRecord]) -> str:
    """The packages as conda's explicit list, which `conda create --file` and its kin install again."""
    urls = sorted(f"{record.url}#{record.md5.hex() if record.md5 else ''}".rstrip("#") for record in records)
    return "\n".join((f"# platform: {Subdir.current()}", "@EXPLICIT", *urls, ""))


def _say_fetched(done: int, total: int) -> None:
    _say_some("Fetched", done, total)


def _say_some(what: str, done: int, total: int) -> None:
    """Say how far it is, about ten times."""
    if done % max(1, total // 10) == 0 or done == total:
        _say(f"{what} {done} of {total} packages")


class _Reporter:
    """Says how far the installation is."""

    def __init__(self) -> None:
        self._total = self._done = 0

    def on_transaction_start(self, total_operations: int) -> None:
        self._total = total_operations

    def on_link_complete(self, index: int) -> None:
        self._done += 1
        _say_some("Installed", self._done, self._total)


def _say(text: str) -> None:
    _write({"say": text})


def _write(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    sys.stdin.read()  # until whoever asked for the build is gone
    os.killpg(0, signal.SIGKILL)  # with the programs that it started; the session is its own


def _sentence(error: BaseException, prefix: Path) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, Refused):
        return Problem(str(error))
    if isinstance(error, NotThePackage):
        return Problem(str(error), again=True)
    traceback.print_exception(error)
    state = os.statvfs(prefix)
    if state.f_bavail * state.f_frsize < _LITTLE or getattr(error, "errno", 0) in FULL:
        return Problem("The disk is full.", again=True)
    return Problem("A package could not be fetched or unpacked; the log has the reason.", again=True)


def main() -> NoReturn:
    """Do the job, say how it went, and end without Python's own way of ending, which py-rattler breaks."""
    os.nice(10)  # people's work comes first
    os.umask(0o022)
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _write({"done": asyncio.run(_build(job))})
    except BaseException as error:  # whatever it is, whoever asked is told
        problem = _sentence(error, Path(job["prefix"]))
        _write({"problem": str(problem), "again": problem.again})
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
