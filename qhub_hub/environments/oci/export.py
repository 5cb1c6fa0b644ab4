"""The export: the build that is in force becomes an image, the same one on every day."""

import errno
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qhub_hub.config.quantities import show_bytes
from qhub_hub.environments.builds import BuildError, Builds
from qhub_hub.environments.manifest import READY, Environment, ManifestError, read_manifest
from qhub_hub.environments.oci.base import Base, read_base
from qhub_hub.environments.oci.content import Moved
from qhub_hub.environments.oci.documents import About, Running, config_of, manifest_of
from qhub_hub.environments.oci.layers import MOST, LayerPlan, plan_layers
from qhub_hub.environments.oci.machine import PROCESSORS, name_of_machine, of_this_machine
from qhub_hub.environments.oci.output import Documents, aside, check_free, put
from qhub_hub.environments.oci.packages import Installed, read_packages
from qhub_hub.environments.oci.prefix import FOLDER, Entry, Prefix
from qhub_hub.environments.oci.reference import LATEST, OCI, ImageError, Reference
from qhub_hub.environments.oci.relocation import Move
from qhub_hub.environments.oci.tar import Item, Work, write_layer
from qhub_hub.environments.oci.writing import write_all

PREFIX = "/opt/environment"
"""Where every environment lies in its image: the same package makes the same layer, in whichever environment."""

HOME = "/home/anyone"
"""Home of whoever runs the image and is given none; everybody may write there."""

_SERVER = ("qhub-hub", "jupyterlab")
"""Packages that an environment needs to be a person's server."""

_ACTIVATED = f'for script in {PREFIX}/etc/conda/activate.d/*.sh; do . "$script"; done; exec "$@"'
_PORT = 8888


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was written.

    Args:
        name: its tag in a folder, or what `docker load` calls it.
        digest: `sha256:…` of its manifest.
        layers: how many it has, with those of the base.
        size: bytes of its layers, compressed.
        serves: whether a person's server starts from it.
    """

    name: str
    digest: str
    layers: int
    size: int
    serves: bool


def export_image(
    builds: Builds,
    environment: tuple[str, str],
    output: Reference,
    base: Reference | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Image:
    """Write the build in force of an environment as an image. QHub does not remove it meanwhile.

    What is in force is read from the manifest, whoever has built it.

    Args:
        environment: namespace and name.
        output: where the image goes.
        base: the image to put it on; None: as little of this machine as it needs.
        say: is told how far it is, a sentence at a time.

    Raises:
        BuildError: there is no such build, or it can't be read or written; nothing of an image was left.
    """
    build = _in_force(builds, *environment)
    prefix = Prefix(Path(build.prefix))
    record = _record(builds, build)
    with _told(prefix, record, output):
        check_free(output)
        with prefix.held():
            if not record.exists():  # it was removed before it was held
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(record))
            entries = tuple(prefix.entries())
            installed = read_packages(prefix, entries)
            below = _below(installed, base)
            with aside(output) as blobs:
                works = _works(prefix, entries, installed, below, say)
                layers = write_all(works, blobs, say)
                about = _about(build, installed, below)
                config = config_of(about, _running(build), below, layers)
                manifest = manifest_of(config, layers, about.labels)
                name = _name(output, environment)
                digest = put(output, blobs, Documents(config, manifest, layers, name, output.tag or LATEST))
    size = sum(layer.size for layer in layers)
    return Image(name, digest, len(layers), size, _serves(build))


def _in_force(builds: Builds, namespace: str, name: str) -> Environment:
    builds.folder(namespace, name)  # says which names there can be
    try:
        known = {environment.name: environment for environment in read_manifest(builds.namespace(namespace))}
    except ManifestError as error:
        raise BuildError(str(error)) from error
    found = known.get(name)
    if found is None:
        raise BuildError(f"There is no environment {namespace}/{name}; `qhub env list` shows those that are.")
    if found.status != READY or not found.prefix:
        why = found.message or "None of its builds is in force."
        raise BuildError(f"{namespace}/{name} can't be used, so no image can be made of it: {why}")
    return found


def _record(builds: Builds, build: Environment) -> Path:
    """The file that goes first when a build is removed."""
    own = builds.folder(build.namespace, build.name)
    if Path(build.prefix).parent == own:
        return own / f"{build.build}.json"
    return Path(build.prefix) / "conda-meta" / "history"  # conda-store's: without it, it takes a folder for none


def _below(installed: Installed, place: Reference | None) -> Base | None:
    here = PROCESSORS.get(platform.machine(), platform.machine())
    architecture = installed.architecture(here)
    if place is None:
        if architecture != here:
            raise ImageError(f"The packages are for {architecture} and this machine is {here}: name a --base for them.")
        return None
    base = read_base(place, architecture)
    if base.architecture != architecture or base.config.get("os") != "linux":
        found = f"{base.config.get('os')}/{base.architecture}"
        raise ImageError(f"{place} is for {found:.100}, and the environment for linux/{architecture}.")
    if len(base.layers) > MOST - 10:
        raise ImageError(
            f"{place} has {len(base.layers)} layers; with more than {MOST - 10} no room is left for others."
        )
    return base


def _works(
    prefix: Prefix, entries: tuple[Entry, ...], installed: Installed, base: Base | None, say: Callable[[str], None]
) -> list[Work]:
    """What writes each layer, the lowest first."""
    moved = Moved(prefix, Move(os.fsencode(prefix.folder), PREFIX.encode()))
    works: list[Work] = []
    if base is None:
        machine = of_this_machine(prefix, entries)
        say(
            f"Without --base the image gets {', '.join(machine.libraries):.300} and a shell from this machine "
            f"({name_of_machine()}), as conda's packages bring all but those."
        )
        if machine.missing:
            say(f"Not on this machine, so not in the image: {', '.join(machine.missing):.300}.")
        works.append(_layer(f"C library of {name_of_machine()}", lambda: iter(machine.items)))
    else:
        works += base.layers
    for plan in plan_layers(entries, installed.packages, len(works)):
        works.append(_layer(plan.title, lambda plan=plan: _items(plan, moved)))  # type: ignore[misc]
    works.append(_layer("a home for anyone", lambda: iter([Item(HOME[1:], FOLDER, 0o1777)])))
    size = sum(entry.size for entry in entries)
    say(f"Writing {len(entries)} files of {show_bytes(size)} as {len(works)} layers")
    return works


def _items(plan: LayerPlan, moved: Moved) -> Iterator[Item]:
    return (moved.item(entry) for entry in plan.entries)


def _layer(title: str, items: Callable[[], Iterator[Item]]) -> Work:
    return lambda folder, go_on: write_layer(folder, title, items(), go_on)


def _serves(build: Environment) -> bool:
    return all(name in build.packages for name in _SERVER)


def _running(build: Environment) -> Running:
    command = ("/bin/sh",)
    if build.python:
        command = ("python",)
    return Running(
        environment={
            "PATH": f"{PREFIX}/bin",
            "CONDA_PREFIX": PREFIX,
            "CONDA_DEFAULT_ENV": build.key,
            "CONDA_SHLVL": "1",
            "HOME": HOME,
        },
        entrypoint=("/bin/sh", "-c", _ACTIVATED, "sh") if build.activated else (),
        command=("python", "-sP", "-m", "qhub_hub.singleuser") if _serves(build) else command,
        folder=HOME,
        ports=(_PORT,) if _serves(build) else (),
    )


def _about(build: Environment, installed: Installed, base: Base | None) -> About:
    here = PROCESSORS.get(platform.machine(), platform.machine())
    created = f"{installed.newest:%Y-%m-%dT%H:%M:%SZ}"
    labels: Mapping[str, str] = {
        "org.opencontainers.image.title": build.key,
        "org.opencontainers.image.description": f"An environment of {len(build.packages)} conda packages in {PREFIX}",
        # Of what was asked for: both kinds of builds are called so first, and then after a time.
        "org.opencontainers.image.version": build.build.partition("-")[0],
        "org.opencontainers.image.created": created,
    }
    if base and base.digest:
        labels = {**labels, "org.opencontainers.image.base.digest": base.digest}
    return About(installed.architecture(here), created, labels)


def _name(output: Reference, environment: tuple[str, str]) -> str:
    """What the image is called: where nobody says so, of this machine, like those that `make images` builds."""
    tag = output.tag or LATEST
    if output.kind == OCI:
        return tag
    named = "/".join(["localhost", *(re.sub(r"[^a-z0-9]+", "-", part.lower()) for part in environment)])
    return f"{output.repository or named}:{tag}"


@contextmanager
def _told(prefix: Prefix, record: Path, output: Reference) -> Iterator[None]:
    """Say what an operating system's error means for the image."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "a file changed while it was read"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ImageError(
                f"The disk of {output.path.parent} is full: no image was written, and nothing was left there. "
                "Free some space, or choose another folder."
            ) from error
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE) and not record.exists():
            raise ImageError(
                f"The build {prefix.folder.name} was removed before it could be read. `qhub env list` shows what is in "
                "force now; run the command again."
            ) from error
        where = f" ({error.filename})" if isinstance(error.filename, str | Path) else ""
        raise ImageError(f"No image of {prefix.folder} was written to {output.path}: {why}{where}.") from error
