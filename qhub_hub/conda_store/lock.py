"""conda-store's lock plugin: which packages an environment consists of, found by py-rattler.

conda-store 2025.2.2's own asks conda-lock, whose present releases it does not fit, and which looks names up on the
internet (facts/conda-store.md §1.2).
"""

import filecmp
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from conda_store_server.plugins.hookspec import hookimpl
from conda_store_server.plugins.types.lock import LockPlugin
from conda_store_server.plugins.types.types import TypeLockPlugin

from qhub_hub.conda_store.rules import CUDA, checked
from qhub_hub.conda_store.settings import Values, settings_here, values_here

_WITHIN = 900  # seconds for finding packages

NAME = "qhub"
PROBLEM = "Problem: "
"""Begins the line of a build's log that says for people why there are no packages."""


class Unsolvable(Exception):
    """No packages were found. `str()` is a sentence."""


class RattlerLock(LockPlugin):  # type: ignore[misc]  # conda-store is not typed
    """Finds packages for one specification after the other, each in a process of its own."""

    def lock_environment(self, context: Any, spec: Any, platforms: Any = ("linux-64",)) -> dict[str, Any]:
        """The packages, as a conda-lock file of format 1 has them.

        Raises:
            Unsolvable: there are none, or they may not be used. The log says why, in a sentence.
        """
        try:
            values = values_here()
            # Again: a rebuild brings a specification of long ago.
            checked(spec, frozenset(values.allowed.values()).union(*values.declared.values()), values)
            packages = [one for platform in platforms for one in self._solve(context, spec, platform, values)]
            _bring_local(packages)
        except (Unsolvable, ValueError, OSError) as error:
            sentence = error.strerror or "unknown reason" if isinstance(error, OSError) else str(error)
            context.log.error(PROBLEM + sentence)
            raise Unsolvable(sentence) from error
        wanted = json.dumps([spec.channels, sorted(spec.dependencies)])
        return {
            "version": 1,
            "metadata": {
                "content_hash": dict.fromkeys(platforms, sha256(wanted.encode()).hexdigest()),
                "channels": [{"url": channel, "used_env_vars": []} for channel in spec.channels],
                "platforms": list(platforms),
                "sources": [f"{spec.name}.yaml"],
                "time_metadata": {"created_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"},
            },
            "package": packages,
        }

    def _solve(self, context: Any, spec: Any, platform: str, values: Values) -> list[dict[str, Any]]:
        settings = settings_here()
        state = os.statvfs(settings.store)
        job = {
            "channels": spec.channels,
            "dependencies": spec.dependencies,
            "cuda": str((spec.variables or {}).get(CUDA, "")),
            "platform": platform,
            "cache": f"{settings.data}/repodata",
            "room": state.f_bavail * state.f_frsize - values.min_free,
        }
        try:
            ended = subprocess.run(  # noqa: S603 - QHub's own Python
                [settings.python, "-P", "-m", "qhub_hub.conda_store.solving"],
                input=json.dumps(job) + "\n",
                capture_output=True,
                text=True,
                timeout=_WITHIN,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unsolvable(f"No packages that fit together were found in {_WITHIN // 60} minutes.") from None
        for line in ended.stderr.splitlines():
            context.log.info(line)
        answer: dict[str, Any] = {}
        for line in ended.stdout.splitlines():
            answer = json.loads(line)
            if "say" in answer:
                context.log.info(answer["say"])
        if "done" not in answer:
            raise Unsolvable(answer.get("problem") or "The solver was ended before it was done (out of memory?).")
        packages: list[dict[str, Any]] = answer["done"]
        return packages


def _bring_local(packages: list[dict[str, Any]]) -> None:
    """Put packages of `file:///` channels where conda looks first: conda-store fetches others by HTTP only."""
    cache = Path(os.environ["CONDA_PKGS_DIRS"])
    for package in packages:
        address = urlsplit(package["url"])
        if address.scheme == "file":
            source = Path(unquote(address.path))
            cache.mkdir(parents=True, exist_ok=True)
            kept = cache / source.name
            if kept.exists() and filecmp.cmp(source, kept, shallow=False):
                continue
            draft = cache / f".{source.name}.new"
            shutil.copyfile(source, draft)
            # What another of this name was unpacked to.
            shutil.rmtree(cache / source.name.removesuffix(".conda").removesuffix(".tar.bz2"), ignore_errors=True)
            draft.replace(kept)


@hookimpl  # type: ignore[untyped-decorator]
def lock_plugins() -> Any:
    """What conda-store's plugin manager asks for."""
    yield TypeLockPlugin(name=NAME, synopsis="packages found by py-rattler", backend=RattlerLock)
