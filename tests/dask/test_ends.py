"""Nothing is left of a cluster when its owner's server, or the whole hub, has ended."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from qhub_hub.testing.notebook import Notebook
from qhub_hub.testing.waiting import eventually

pytestmark = [pytest.mark.root]

BEGIN = """
from dask_gateway import Gateway
cluster = Gateway().new_cluster(shutdown_on_close=False)
cluster.scale(1)
cluster.get_client().wait_for_workers(1)
print(cluster.name, flush=True)
import os
os._exit(0)
"""


def processes(mark: str) -> list[int]:
    """Processes with a word in their command or environment."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if process.name.isdecimal() and mark.encode() in said and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def wait_for_none(mark: str, seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    while (found := processes(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_a_cluster_ends_within_a_minute_after_its_owners_server(notebook, dask_hub):
    ann = notebook("ann")
    name = ann.run(BEGIN).strip()
    assert processes(name)
    person = dask_hub.person("ann")
    person.stop()
    assert wait_for_none(name, 75) == []
    eventually(lambda: not (dask_hub.state / "dask" / name).exists())  # after the last of its processes


def test_a_gateway_that_was_killed_takes_its_clusters_up_again(notebook, dask_hub):
    bob = notebook("bob")
    name = bob.run(BEGIN).strip()
    before = set(processes(name))
    gateways = [
        pid for pid in processes(f"{dask_hub.state}\0") if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(gateways[0], signal.SIGKILL)
    again = """
import time
from dask_gateway import Gateway
for _ in range(60):
    try:
        cluster = Gateway().connect(%r)
        break
    except Exception:
        time.sleep(1)
print(cluster.get_client().submit(sum, [1, 2]).result())
cluster.shutdown()
"""
    assert bob.run(again % name).strip() == "3"
    assert before


@pytest.mark.parametrize("how", ["interrupt", "kill"])
def test_nothing_is_left_when_the_hub_ends(qhub_up, how):
    hub = qhub_up(f"dask-{how}")
    person = hub.person("ann")
    person.start({"profile": "small"})
    name = Notebook(hub, person).run(BEGIN).strip()
    assert processes(name)
    getattr(hub, how)()
    assert wait_for_none(name, 45) == []
    assert [pid for pid in processes(f"{hub.state}/dask") if b"singleuser" not in command(pid)] == []


def command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"singleuser"
