"""Software environments: declared ones, who sees which, where packages come from, what is kept."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from qhub_hub.config.models.base import Map, Model
from qhub_hub.config.names import GroupName
from qhub_hub.config.quantities import Bytes, Seconds

GIB = 2**30

CHANNEL_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*"
_WEB = r"https?://[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]*(/[A-Za-z0-9._~+-]+)*/?"
_FILES = r"file://(/[A-Za-z0-9._+-]+)+/?"
CHANNEL_PATTERN = f"^({CHANNEL_NAME}|{_WEB}|{_FILES})$"
"""A name, or an address without user and password: those would stand in logs and lock files."""

# No quotes, brackets, slashes, colons or backslashes: conda would take such a text for an address, a file, another
# channel or an option.
SPEC_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*( *[=<>!~ ][A-Za-z0-9_.*=<>!~,|+ -]*)?$"

Channel = Annotated[
    str,
    StringConstraints(pattern=CHANNEL_PATTERN, max_length=500),
    Field(examples=["conda-forge", "file:///srv/conda"]),
]
Network = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Fa-f.:]{2,39}/[0-9]{1,3}$"), Field(examples=["10.20.0.0/16"])
]
Dependency = Annotated[
    str, StringConstraints(pattern=SPEC_PATTERN, max_length=200), Field(examples=["python=3.11", "numpy >=2,<3"])
]


class Namespace(Model):
    """A folder of environments."""

    allowed_groups: tuple[GroupName, ...] = ()
    """Groups that see its environments; empty: everybody."""

    quota: Bytes | None = None
    """The most that its builds may take, kept older ones included; left out: `environments.quota`."""


class DeclaredEnvironment(Model):
    """An environment that is built here, and built anew whenever this changes."""

    dependencies: Annotated[tuple[Dependency, ...], Field(min_length=1, max_length=500)]
    """Conda packages, such as `python=3.11` or `numpy >=2,<3`. One with a Jupyter kernel appears in JupyterLab."""

    channels: tuple[Channel, ...] = ()
    """Where they come from, the first one first; empty: `environments.channels`."""

    gpu: bool = False
    """Whether packages for accelerators are chosen, as where drivers offer the CUDA version `environments.cuda`."""


class Retention(Model):
    """Which builds are kept. One in force, or one that a program still runs from, is never removed."""

    keep_builds: Annotated[int, Field(ge=1, le=100, strict=True)] = 3
    """The newest builds of an environment that stay, to go back to."""

    grace: Seconds = 7 * 86400
    """No build that was in force within this time is removed: programs on other machines may still run from it."""

    min_free: Bytes = 5 * GIB
    """Nothing is built while less than this is free on the disk."""


class Personal(Model):
    """Environments that people describe themselves, in `~/environments/*.yaml`. On one machine."""

    enabled: bool = True
    """Whether they are built, for that person alone. They may name the channels that watched files may name."""

    quota: Bytes = 20 * GIB
    """The most that one person's builds may take."""

    most: Annotated[int, Field(ge=1, le=100, strict=True)] = 10
    """How many of their files are built."""


class Builder(Model):
    """The pod that builds environments, where there is a cluster."""

    enabled: bool = True
    """Whether there is one. Without it nothing is built on a cluster; what was built stays."""

    memory: Bytes = 4 * GIB
    """The most that a build may take. Solving with a large channel takes about 2 GiB."""

    networks: tuple[Network, ...] = ()
    """Address ranges inside which channels of yours are. The internet outside private ranges is open to it anyway."""

    variables: Map[str] = Field(default_factory=dict, validate_default=True)
    """Environment variables, such as `{HTTPS_PROXY: "http://proxy.example.org:3128"}`; no secrets."""


class CondaStore(Model):
    """conda-store of one machine, where it builds environments. On a cluster it is in an image of its own."""

    programs: Annotated[
        str | None, Field(pattern=r"^/[A-Za-z0-9._/+-]*$", examples=["/opt/conda-store/bin"], max_length=500)
    ] = None
    """Folder with the programs `conda-store-server` and `conda-store-worker`; left out: those in `PATH`. A `conda` that
    lies beside them is used; without one, QHub's own command takes its place."""


class Environments(Model):
    """Shared software environments, and who sees them."""

    provider: Literal["builtin", "conda-store"] = "builtin"
    """What builds them: QHub itself, or conda-store, which people can use in its own pages, too."""

    conda_store: CondaStore = CondaStore()
    """Where conda-store is."""

    declared: Map[DeclaredEnvironment] = Field(default_factory=dict, validate_default=True)
    """Environments by `<namespace>/<name>`, such as `global/analysis`."""

    namespaces: Map[Namespace] = Field(default_factory=dict, validate_default=True)
    """Who sees which environments. Need not be listed: `global` (everybody), `group-<group>` (its members) and
    `user-<name>` (that person)."""

    channels: Annotated[tuple[Channel, ...], Field(min_length=1)] = ("conda-forge",)
    """Where packages come from unless an environment says otherwise: names, `https://…` or `file:///…`."""

    allowed_channels: tuple[Channel, ...] = ()
    """Channels that files in the watched folders may name, besides `channels`."""

    mirrors: Map[Channel] = Field(default_factory=dict, validate_default=True)
    """Addresses by channel name, such as `{conda-forge: https://conda.example.org/conda-forge}`; others are taken from
    `https://conda.anaconda.org`."""

    watch: bool = True
    """Whether `environments/*.yaml` in a namespace's folder are built, too."""

    cuda: Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$")] = "12.4"
    """The CUDA version that the drivers of your accelerators offer."""

    quota: Bytes = 100 * GIB
    """The most that the builds of one namespace may take."""

    keep: Retention = Retention()
    """Which builds are kept."""

    personal: Personal = Personal()
    """Environments that people describe themselves."""

    builder: Builder = Field(default_factory=Builder)
    """The pod of a cluster that builds environments."""
