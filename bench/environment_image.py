"""An environment as an image: what the first and the second export take, and how large it is.

    python bench/environment_image.py [exports]

The rival is what packing the same files as they are takes in the same run, `tar | gzip` of the whole environment: one
layer, another digest for every build. A prototype took 22 s for its first export of 142 MB, 9.7 s for its second, and
39 MB (facts/conda-store.md §5), on two cores of another day.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from environments import PACKAGES, channel

from qhub_hub.environments.access import Access
from qhub_hub.environments.building import Room, build
from qhub_hub.environments.builds import Builds
from qhub_hub.environments.oci import Image, export_image, parse_reference
from qhub_hub.environments.specification import Specification


def exported(builds: Builds, folder: Path) -> tuple[Image, float]:
    begun = time.perf_counter()
    done = export_image(builds, ("global", "large"), parse_reference(f"oci:{folder}"))
    return done, time.perf_counter() - begun


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    address = channel(Path(__file__).parents[1] / "build" / "conda-channels" / "bench")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        root.chmod(0o711)  # builds run as a user of their own
        builds, access = Builds(root / "e"), Access(True, own_ids=os.geteuid() == 0)
        done = build(builds, Specification("global", "large", (address,), PACKAGES), access, Room(2**40, 0))
        if done.message:
            raise RuntimeError(done.message)
        digests = set()
        for number in range(times):
            image, seconds = exported(builds, root / f"image-{number}")
            digests.add(image.digest)
            print(f"export {number + 1}: {seconds:.1f} s, {image.layers} layers, {image.size / 1e6:.0f} MB")
        begun = time.perf_counter()
        with (root / "rival.tar.gz").open("wb") as file:
            prefix = builds.link("global", "large").resolve()
            subprocess.run(["tar", "-czf", "-", "-C", prefix, "."], stdout=file, check=True)
        rival = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"of {len(done.packages)} packages, {done.size / 1e6:.0f} MB; at most {memory:.0f} MiB in memory")
    print(f"tar | gzip of the same: {rival:.1f} s, so the last export took {seconds / rival:.2f} of that")
    return 0 if len(digests) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
