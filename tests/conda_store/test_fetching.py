"""Packages come from whatever serves files: nothing more is asked of a mirror."""

import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conda_store.programs import programs

ROOT = Path(__file__).parents[2]
FETCH = """
import sys
from qhub_hub.conda_store.configuration import _fetch_packages_whole
_fetch_packages_whole()
from conda_package_streaming import url
name, stream = url.conda_reader_for_url(sys.argv[1])
print(name, len(stream.read()))
"""


class Plain(SimpleHTTPRequestHandler):
    """Gives files whole, as Python's own server does."""

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "tiny-1.0-0.conda").write_bytes(bytes(range(256)) * 40)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Plain, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def fetched(address: str) -> subprocess.CompletedProcess[str]:
    python = f"{programs()}/python"
    # With what QHub has for conda-store where there is no conda.
    paths = (ROOT, ROOT / "qhub_hub/conda_store/rattler/python")
    environment = {**os.environ, "PYTHONPATH": ":".join(map(str, paths))}
    return subprocess.run([python, "-c", FETCH, address], env=environment, capture_output=True, text=True, check=False)


def test_a_package_is_fetched_from_a_server_that_gives_files_whole_only(mirror: str) -> None:
    done = fetched(f"{mirror}/tiny-1.0-0.conda?token=x")
    assert done.stdout.split() == ["tiny-1.0-0.conda", "10240"], done.stderr


def test_what_a_server_says_instead_of_a_package_is_not_taken_for_it(mirror: str) -> None:
    done = fetched(f"{mirror}/gone-1.0-0.conda")
    assert done.returncode != 0
    assert "404" in done.stderr
