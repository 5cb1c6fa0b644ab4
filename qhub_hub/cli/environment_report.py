"""`qhub env explain`: one environment, line by line."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qhub_hub.config.loading import Values
from qhub_hub.config.quantities import show_bytes, show_seconds
from qhub_hub.environments.audience import audience
from qhub_hub.environments.builds import Builds
from qhub_hub.environments.garbage import in_use
from qhub_hub.environments.manifest import FAILED
from qhub_hub.environments.reconcile import is_due, room_of

if TYPE_CHECKING:
    from qhub_hub.environments.specification import Specification


def report(
    builds: Builds, values: Values, environment: tuple[str, str], stated: "Specification | None"
) -> Iterator[str]:
    """What is stated of an environment and what is there, a line per fact.

    Args:
        environment: namespace and name.
        stated: what is to be built; None: it is stated nowhere any more.
    """
    namespace, name = environment
    records = builds.records(namespace, name)
    if stated is None:
        yield "Stated       nowhere any more: `qhub env remove` removes it"
    else:
        place = values.source(stated.source)
        yield f"Stated       {stated.source}{f' ({place})' if place else ''}"
        yield f"Packages     {', '.join(stated.dependencies)}"
        yield f"Channels     {', '.join(stated.channels)}"
        if stated.cuda:
            yield f"Accelerators CUDA {stated.cuda}"
        if is_due(stated, records, datetime.now(UTC)):
            yield "Due          yes: it is built by itself soon, and by `qhub env build` now"
    yield f"Seen by      {audience(values.qhub, namespace)}"
    room = room_of(values.qhub, namespace)
    yield f"Namespace    {show_bytes(builds.size(namespace))} of {show_bytes(room.quota)} used"
    current = builds.current(namespace, name)
    folder = builds.folder(namespace, name)
    used = in_use(folder / build.key for build in records)
    for build in reversed(records):
        marks = [
            word for word, true in (("in force", build.key == current), ("in use", folder / build.key in used)) if true
        ]
        took = f"took {show_seconds(max(1, round(build.seconds)))}"
        about = build.message if build.status == FAILED else f"{len(build.packages)} packages, {show_bytes(build.size)}"
        yield f"Build        {build.begun:%Y-%m-%d %H:%M} {', '.join([build.status, *marks])}; {took}; {about}"
        if build.key == current:
            yield f"             {folder / build.key}"
            for kernel in build.kernels:
                yield f"Kernel       {kernel.title} ({kernel.language}) {kernel.problem}".rstrip()
