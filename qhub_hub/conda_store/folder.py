"""What conda-store's programs find when they start: configuration, QHub's package, a conda where there is none."""

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import qhub_hub
from qhub_hub.conda_store.settings import VARIABLE, Settings
from qhub_hub.environments.access import BUILDER
from qhub_hub.environments.manifest import write_whole
from qhub_hub.environments.process import surroundings

SERVER, WORKER = "conda-store-server", "conda-store-worker"
DRAFTS = ".drafts"
"""Folder for what is not whole yet, on the disk of the packages: from there it is moved in one step."""

_CONFIGURATION = """\
# Written anew at every start.
from qhub_hub.conda_store.configuration import configure

configure(c)
"""
_COMMAND = """\
#!/bin/sh
# QHub's conda command for conda-store: it installs with py-rattler.
exec "{python}" -P -m qhub_hub.conda_store.rattler "$@"
"""


@dataclass(frozen=True)
class Programs:
    """conda-store's programs.

    Args:
        path: folders that have them, as `PATH` names these.
        has_conda: whether a conda lies beside them: else QHub's own command takes its place.
    """

    path: str
    has_conda: bool

    @property
    def conda(self) -> str:
        """The program that installs packages."""
        return "mamba" if not self.has_conda or shutil.which("mamba", path=self.path) else "conda"

    def command(self, name: str) -> str:
        """Path of one of them. It is there."""
        return str(shutil.which(name, path=self.path))


@dataclass(frozen=True)
class Folder:
    """A folder for what they read. On one machine where root starts QHub, none of them can change it.

    Args:
        path: of it; must exist.
        programs: see there.
    """

    path: Path
    programs: Programs

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.path / "config.py"

    def fill(self, settings: Settings, give: Callable[[Path], None] = lambda path: None) -> None:
        """Write everything anew.

        Args:
            give: is called with each file that only whoever it is given to may read.

        Raises:
            OSError: it can't be written.
        """
        package = Path(qhub_hub.__file__).parent
        wanted = {"qhub_hub": package}
        if not self.programs.has_conda:
            wanted["conda"] = package / "conda_store/rattler/python/conda"
        for part in ("python", "bin"):
            shutil.rmtree(self.path / part, ignore_errors=True)
            (self.path / part).mkdir(mode=0o755)
        for name, source in wanted.items():
            (self.path / "python" / name).symlink_to(source)
        if not self.programs.has_conda:
            for name in ("conda", "mamba"):
                command = self.path / "bin" / name
                command.write_text(_COMMAND.format(python=settings.python), encoding="utf-8")
                command.chmod(0o755)
        for path, text in ((self.config, _CONFIGURATION), (self._settings, settings.text())):
            write_whole(path, text, 0o640)
            give(path)

    @property
    def _settings(self) -> Path:
        return self.path / "settings.json"

    def variables(self, home: Path, packages: Path) -> dict[str, str]:
        """All of their environment: nothing of whoever starts them.

        Args:
            home: where they may write.
            packages: folder for fetched packages, in one in that of all namespaces, whose environments share files
                with it.
        """
        kept = surroundings(home)
        # Packages are fetched by `requests`, which does not know the variable that everything else reads.
        authorities = {"REQUESTS_CA_BUNDLE": kept["SSL_CERT_FILE"]} if "SSL_CERT_FILE" in kept else {}
        return {
            **kept,
            **authorities,
            "PATH": f"{self.path / 'bin'}:{self.programs.path}:/usr/bin:/bin",
            # QHub's package and nothing else of its Python; and where conda is missing, what stands in for it.
            "PYTHONPATH": str(self.path / "python"),
            VARIABLE: str(self._settings),
            "CONDA_PKGS_DIRS": str(packages),
            # Not within the packages, which all go when the disk is full.
            "TMPDIR": str(_drafts(packages.parent.parent)),
        }


def _drafts(root: Path) -> Path:
    """A folder of theirs for what is not whole yet; where it can't be made, Python takes another."""
    folder = root / DRAFTS
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, BUILDER, BUILDER, follow_symlinks=False)
    return folder


def forget_drafts(variables: Mapping[str, str]) -> None:
    """Remove what a worker left that was killed. No other may run.

    Args:
        variables: as `Folder.variables` made them.
    """
    folder = Path(variables["TMPDIR"])
    if folder.name != DRAFTS or not folder.is_dir():
        return
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
