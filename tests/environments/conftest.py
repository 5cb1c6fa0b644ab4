"""A channel of real packages, made once and kept; and folders that builds run in as their own user."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from qhub_hub.environments.access import Access
from qhub_hub.environments.building import Room, build
from qhub_hub.environments.builds import Build, Builds
from qhub_hub.environments.specification import Specification
from qhub_hub.testing import conda_channel
from qhub_hub.testing.conda_channel import Package, installed, kept_channel

ROOT = Path(__file__).parents[2]

# A language of its own, whose kernel lies in no folder called python and needs what activation sets.
ECHO = Package(
    "echo-kernel",
    files={
        "bin/echo-kernel": '#!/bin/sh\necho "$ECHO_DATA" >"$1"\n',
        "share/jupyter/kernels/echo/kernel.json": json.dumps(
            {"argv": ["echo-kernel", "{connection_file}"], "display_name": "Echo", "language": "echo"}
        ),
        "share/jupyter/kernels/echo/logo-64x64.png": "",
        "etc/conda/activate.d/echo.sh": 'export ECHO_DATA="$CONDA_PREFIX/share/echo"\n',
    },
)
EXTRA = [
    Package("tiny", "1.0", files={"share/tiny": "one"}),
    Package("tiny", "2.0", files={"share/tiny": "two"}),
    Package("needs-old-tiny", depends=("tiny <2",), files={"share/needs": "tiny"}),
    Package("big", files={"share/big": "x" * 3_000_000}),
    ECHO,
]


@pytest.fixture(scope="session")
def channel() -> str:
    """Address of a channel with Python, ipykernel, Dask and small packages. Kept below `build/` for the next run."""
    packages = [*installed("ipykernel", "dask-gateway", "distributed"), *EXTRA]
    said = [(p.name, p.version, p.depends, sorted(p.files)) for p in packages]
    source = Path(conda_channel.__file__).read_text() + Path(__file__).read_text() + repr(said)
    folder = ROOT / "build" / "conda-channels" / hashlib.sha256(source.encode()).hexdigest()[:16]
    return kept_channel(folder, lambda: packages)


@pytest.fixture(scope="session", autouse=True)
def _reachable(channel: str) -> None:
    """Builds run as another user, who must be able to read the channel."""
    for folder in Path(channel.removeprefix("file://")).parents:
        if not folder.stat().st_mode & 0o001:
            pytest.fail(f"{folder} is closed to the user that builds run as; check the project out elsewhere")


class Place:
    """A folder of environments, and short words for what the tests do in it."""

    def __init__(self, root: Path, channel: str) -> None:
        self.builds = Builds(root)
        self.channel = channel
        self.said: list[str] = []

    def wanted(self, key: str, *dependencies: str, channel: str = "") -> Specification:
        namespace, _, name = key.partition("/")
        return Specification(namespace, name, (channel or self.channel,), dependencies)

    def build(
        self, key: str, *dependencies: str, channel: str = "", quota: int = 2**40, min_free: int = 0, gid: int = 0
    ) -> Build:
        self.said.clear()
        access = Access(not gid, (gid,) if gid else (), own_ids=os.geteuid() == 0)
        wanted = self.wanted(key, *dependencies, channel=channel)
        return build(self.builds, wanted, access, Room(quota, min_free), self.said.append)

    def prefix(self, key: str) -> Path:
        """Where the build in force lies."""
        return self.builds.link(*key.split("/")).resolve()


@pytest.fixture
def new_place(open_folder: Path, channel: str) -> Callable[[], Place]:
    return lambda: Place(Path(tempfile.mkdtemp(dir=open_folder)), channel)


@pytest.fixture
def place(new_place: Callable[[], Place]) -> Place:
    """An empty folder of environments that the user of builds can reach."""
    return new_place()


@pytest.fixture(scope="session")
def kernels(open_folder: Path, channel: str) -> Place:
    """A folder with the environment `global/work`, in which a Python and another kernel are; built once."""
    place = Place(Path(tempfile.mkdtemp(dir=open_folder)), channel)
    done = place.build("global/work", "python", "ipykernel", "echo-kernel")
    assert done.message == ""
    return place
