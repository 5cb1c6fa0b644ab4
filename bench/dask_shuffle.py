"""A dataframe shuffled by a cluster of the hub against Dask's own LocalCluster of the same size.

    python bench/dask_shuffle.py [gigabytes] [rounds]

Both run in the same built environment as the same person, in turn, with four workers of one thread and the same memory.
The hub's cluster encrypts what its workers tell one another, the LocalCluster does not. Neither start counts.
"""

import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from qhub_hub.testing.conda_channel import Package, installed, kept_channel
from qhub_hub.testing.notebook import Notebook
from qhub_hub.testing.one_machine import RunningHub

GOAL, WORKERS, MEMORY = 1.1, 4, "3Gi"
PACKAGES = ("dask", "distributed", "dask-gateway", "pandas", "pyarrow", "bokeh")
RUNS_WITHIN = 900.0  # seconds
VALUES = """
qhub:
  users: {{ann: {{}}}}
  profiles: {{small: {{cpu: {{limit: 1}}, memory: {{limit: {memory}}}}}}}
  environments:
    channels: ["{channel}"]
    keep: {{minFree: 1Mi}}
    declared: {{"global/frames": {{dependencies: [{packages}]}}}}
"""

SHUFFLE = """
import time
import numpy, pandas, dask.dataframe
from distributed import Client

def part(number):
    chosen = numpy.random.default_rng(number)
    rows = 1_000_000  # of 32 bytes
    columns = {{name: chosen.random(rows) for name in "abc"}}
    return pandas.DataFrame({{"key": chosen.integers(0, 10_000_000, rows), **columns}})

def main():
    {cluster}
    with cluster, Client(cluster) as client:
        client.wait_for_workers({workers})
        frame = dask.dataframe.from_map(part, range({parts}), meta=part(0).head(0))
        for count in ({workers}, {parts}):  # the first is what every process imports and compiles
            begun = time.perf_counter()
            rows = frame.partitions[:count].shuffle("key").map_partitions(len, meta=("rows", int)).sum().compute()
            spent = time.perf_counter() - begun
            assert rows == count * 1_000_000, rows
    print(spent)

if __name__ == "__main__":
    main()
"""
LOCAL = """from distributed import LocalCluster
    cluster = LocalCluster(n_workers={workers}, threads_per_worker=1, memory_limit={bytes})"""
HUB = """from dask_gateway import Gateway
    cluster = Gateway().new_cluster(environment="global/frames")
    cluster.scale({workers})"""


def channel(folder: Path) -> str:
    """The packages of the environment, kept for the next run."""
    with tempfile.TemporaryDirectory() as scratch:

        def packages() -> list[Package]:
            print("making the channel (once) …", flush=True)
            venv.create(scratch, with_pip=True)
            subprocess.run([f"{scratch}/bin/pip", "install", "--quiet", *PACKAGES], check=True)
            (site,) = Path(scratch).glob("lib/python*/site-packages")
            return installed(*PACKAGES, site=site)

        return kept_channel(folder, packages)


def built(hub: RunningHub) -> str:
    """The environment's interpreter, once there is one."""
    return f"{hub.built('global', 'frames').prefix}/bin/python"


def measure(notebook: Notebook, python: str, gigabytes: float, rounds: int) -> int:
    size = {"workers": WORKERS, "parts": round(gigabytes * 2**30 / 32e6), "bytes": 3 * 2**30}
    took: dict[str, list[float]] = {"LocalCluster": [], "hub": []}
    for _ in range(rounds):  # in turn, so that a busy machine slows both
        for name, cluster in (("LocalCluster", LOCAL), ("hub", HUB)):
            code = SHUFFLE.format(cluster=cluster.format(**size), **size)
            script = notebook.home / "shuffle.py"  # a LocalCluster's workers import what started them
            script.write_text(code)
            said = notebook.run(
                f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", python, RUNS_WITHIN
            )
            took[name].append(float(said))
            print(f"{name}: {took[name][-1]:.1f} s", flush=True)
    ratio = statistics.median(took["hub"]) / statistics.median(took["LocalCluster"])
    print(f"{gigabytes:g} GB shuffled by {WORKERS} workers, hub of LocalCluster: {ratio:.2f} (goal {GOAL})")
    return 0 if ratio <= GOAL else 1


def main(gigabytes: float, rounds: int) -> int:
    address = channel(Path(__file__).parents[1] / "build" / "conda-channels" / "frames")
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o711)  # servers run as their owners
        values = Path(scratch, "values.yaml")
        values.write_text(VALUES.format(channel=address, packages=", ".join(PACKAGES), memory=MEMORY))
        hub = RunningHub(Path(scratch, "state"), values).start()
        try:
            print("building the environment …", flush=True)
            python = built(hub)
            person = hub.person("ann")
            person.start({"profile": "small"})
            return measure(Notebook(hub, person), python, gigabytes, rounds)
        finally:
            hub.stop()


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(float(words[0]) if words else 2, int(words[1]) if len(words) > 1 else 2))
