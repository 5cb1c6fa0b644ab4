"""Shared environments: what listing a thousand costs, what a build takes, and how soon a kernel of one answers.

    python bench/environments.py [kernel starts]

The rival of the listing is Jupyter's own way, a kernel.json per environment, read in the same run; what conda-store's
REST API takes for the same thousand was measured once, on two cores of another day (2.23 s, facts/conda-store.md §4.2),
and is printed beside it. The rival of the kernel's start is the server's own kernel.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from qhub_hub.environments import Environment, Kernel, Manifests, write_manifest
from qhub_hub.environments.access import Access
from qhub_hub.environments.building import Room, build
from qhub_hub.environments.builds import Builds
from qhub_hub.environments.specification import Specification
from qhub_hub.singleuser.kernels import EnvironmentKernels
from qhub_hub.testing.conda_channel import Package, installed, kept_channel

GOAL, CONDA_STORE = 0.02, 2.23  # of conda-store's time; seconds
COUNT, PACKAGES = 1000, ("ipykernel", "jupyterlab")
ARGV = ("python", "-m", "ipykernel_launcher", "-f", "{connection_file}")


def seconds(action: Callable[[], object], times: int = 7) -> float:
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        action()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def thousand(root: Path) -> None:
    """A thousand environments of 200 packages as manifests, and the same as folders of kernels."""
    folder = root / "global"
    folder.mkdir()
    packages = {f"package-{number}": "1.2.3" for number in range(200)}
    write_manifest(
        folder,
        tuple(
            Environment(
                "global",
                f"e{number}",
                f"{folder}/builds/e{number}/1",
                kernels=(Kernel("python3", "Python 3", "python", ARGV),),
                packages=packages,
            )
            for number in range(COUNT)
        ),
    )
    for number in range(COUNT):
        kernel = root / "kernels" / f"env-{number}"
        kernel.mkdir(parents=True)
        stated = {"argv": list(ARGV), "display_name": f"e{number}", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(stated))


def listing(root: Path) -> bool:
    thousand(root)
    os.environ["QHUB_ENVIRONMENTS"] = str(root / "global")
    stock = KernelSpecManager(kernel_dirs=[str(root / "kernels")])
    ours = EnvironmentKernels()
    kept = Manifests(root)
    first = seconds(lambda: Manifests(root).read())
    again = seconds(kept.read)
    mine = seconds(ours.get_all_specs)
    files = seconds(stock.get_all_specs)
    if min(len(ours.get_all_specs()), len(stock.get_all_specs())) < COUNT:
        raise RuntimeError("one of them does not list them all")
    ratio = again / CONDA_STORE
    print(f"list {COUNT} environments: first {first * 1000:.0f} ms, again {again * 1000:.2f} ms")
    print(
        f"  of conda-store's recorded {CONDA_STORE} s: first {first / CONDA_STORE:.3f}, again {ratio:.5f} (goal {GOAL})"
    )
    print(
        f"  as kernels: {mine * 1000:.0f} ms, from {COUNT} kernel.json files {files * 1000:.0f} ms: {mine / files:.2f}"
    )
    return ratio <= GOAL


def channel(folder: Path) -> str:
    """The packages of a large environment, kept for the next run; environment_image.py uses the same."""

    def packages() -> list[Package]:
        print("making the channel (once) …", flush=True)
        return installed(*PACKAGES)

    return kept_channel(folder, packages)


async def answers(manager: AsyncKernelManager) -> float:
    """Seconds from the start of a kernel until it has computed something."""
    begun = time.perf_counter()
    await manager.start_kernel(stderr=subprocess.DEVNULL)  # it warns of what is no matter on one machine
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        await client.execute_interactive("1 + 1", timeout=60, output_hook=lambda message: None)
        return time.perf_counter() - begun
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


async def kernel_starts(root: Path, times: int) -> None:
    os.environ["QHUB_ENVIRONMENTS"] = str(root / "global")
    found = {}
    for _ in range(times):  # in turn, so that a busy machine slows both
        for name in ("python3", "env--global--large--python3"):
            manager = AsyncKernelManager(kernel_name=name, kernel_spec_manager=EnvironmentKernels())
            found.setdefault(name, []).append(await answers(manager))
    own, shared = (statistics.median(spent) for spent in found.values())
    print(f"start of a kernel: shared {shared:.2f} s, the server's own {own:.2f} s: {shared / own:.2f}")


def builds_of(root: Path, address: str) -> None:
    builds, access = Builds(root), Access(True, own_ids=os.geteuid() == 0)
    for what, name in (("cold", "large"), ("warm", "again")):
        done = build(builds, Specification("global", name, (address,), PACKAGES), access, Room(2**40, 0))
        if done.message:
            raise RuntimeError(done.message)
        print(f"build of {len(done.packages)} packages, {what}: {done.seconds:.1f} s, {done.size / 1e6:.0f} MB")


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as scratch:
        fine = listing(Path(scratch))
    address = channel(Path(__file__).parents[1] / "build" / "conda-channels" / "bench")
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o711)  # builds run as a user of their own
        builds_of(Path(scratch) / "e", address)
        asyncio.run(kernel_starts(Path(scratch) / "e", times))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
