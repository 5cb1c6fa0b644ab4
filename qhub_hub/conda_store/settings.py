"""What conda-store's processes are told: fixed when they start, or following the values."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qhub_hub.environments.conda_store import SERVICE

if TYPE_CHECKING:
    from qhub_hub.config.models.environments import Environments

VARIABLE = "QHUB_CONDA_STORE_SETTINGS"
"""Environment variable that tells conda-store's processes where their settings are."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What does not change while conda-store runs.

    Args:
        address, port: where its server listens.
        base: path below which people see the hub, without a slash at its end; mostly empty.
        hub_api: where its server reaches the hub's API.
        token: its own at the hub, and its secret as an OAuth client.
        signing: signs what people are given at their sign-in.
        reconciler: what QHub shows to its API. These three are empty where a process has no use for them.
        store: folder of all namespaces.
        data: folder of its database, log files and lock files.
        values: file with what follows the values, see `Values`.
        python: one with py-rattler, which solves.
        conda: the program that installs packages.
    """

    address: str
    port: int
    base: str
    hub_api: str
    token: str
    signing: str
    reconciler: str
    store: str
    data: str
    values: str
    python: str
    conda: str

    @property
    def prefix(self) -> str:
        """Path below which it answers, at the hub's proxy and at its own port."""
        return f"{self.base}{SERVICE}"

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """As they were written. Raises `OSError`, `ValueError` or `TypeError`: they can't be read."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def text(self) -> str:
        """What `read` reads."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Values:
    """What follows the values file.

    Args:
        channels: addresses that count where a specification names none.
        allowed: addresses by what people may write for them.
        declared: addresses that a declared environment may use besides, by `<namespace>/<name>`.
        quotas: bytes by namespace, where one is stated.
        quota, personal_quota: bytes of other namespaces.
        min_free: bytes that stay free on the disk.
    """

    channels: tuple[str, ...] = ()
    allowed: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    quota: int = 0
    personal_quota: int = 0
    min_free: int = 0

    @classmethod
    def read(cls, path: Path) -> "Values":
        """As they are now. Raises `OSError`, `ValueError` or `TypeError`: they can't be read."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**content, "channels": tuple(content["channels"])})

    def text(self) -> str:
        """What `read` reads."""
        return json.dumps(asdict(self), sort_keys=True)

    def declared_in(self, namespace: str) -> frozenset[str]:
        """Names of the environments that the values file declares in a namespace."""
        keys = (key.partition("/") for key in self.declared)
        return frozenset(name for of, _, name in keys if of == namespace)

    def room(self, namespace: str) -> int:
        """Bytes that the builds of a namespace may take."""
        usual = self.personal_quota if namespace.startswith("user-") else self.quota
        return self.quotas.get(namespace, usual)


def values_of(config: "Environments") -> Values:
    """What conda-store needs of the values."""
    # Not above: conda-store's own Python reads this module, too.
    from qhub_hub.environments.specification import address, declared

    return Values(
        channels=tuple(address(channel, config.mirrors) for channel in config.channels),
        allowed={
            written: address(channel, config.mirrors)
            for channel in (*config.channels, *config.allowed_channels)
            for written in (channel, address(channel, config.mirrors))
        },
        declared={one.key: one.channels for one in declared(config)},
        quotas={name: stated.quota for name, stated in config.namespaces.items() if stated.quota},
        quota=config.quota,
        personal_quota=config.personal.quota,
        min_free=config.keep.min_free,
    )


def settings_here() -> Settings:
    """Those of the process that asks, which is conda-store's. Raises as `Settings.read` does."""
    return Settings.read(Path(os.environ[VARIABLE]))


def values_here() -> Values:
    """The values as conda-store is to know them now. Raises as `settings_here` does."""
    return Values.read(Path(settings_here().values))
