"""conda-store is kept as the values say, and its absence changes nothing."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.conda_store.reconcile import Place, Reconciler
from qhub_hub.conda_store.rest import Build, Listed, Refused, Unavailable
from qhub_hub.conda_store.settings import Values
from qhub_hub.config.models import Config
from qhub_hub.environments import read_manifest
from qhub_hub.environments.access import Access
from qhub_hub.environments.builds import Builds


class Store:
    """conda-store as it is asked; its builds end as a test says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.away = False
        self.refuses = ""
        self.log_text = "plugin-qhub: Problem: It is broken."
        self.orders: list[tuple[str, Mapping[str, Any]]] = []
        self.removed: list[int] = []
        self._environments: dict[tuple[str, str], Listed] = {}
        self._builds: list[Build] = []
        self._clock = count()

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("conda-store does not answer")

    def environments(self) -> tuple[Listed, ...]:
        self._answer()
        return tuple(self._environments.values())

    def namespaces(self) -> tuple[str, ...]:
        self._answer()
        return ("global",)

    def builds(self) -> Iterator[Build]:
        return reversed(self._builds)

    def log(self, build: int) -> str:
        return self.log_text

    def remove_build(self, build: int) -> None:
        self.removed.append(build)

    def order(self, namespace: str, specification: Mapping[str, Any]) -> int:
        if self.refuses:
            raise Refused(self.refuses)
        self.orders.append((namespace, specification))
        key = (namespace, specification["name"])
        number = len(self._builds) + 1
        before = self._environments.get(key)
        listed = Listed(
            before.id if before else number, *key, before.current if before else number, specification["description"]
        )
        self._environments[key] = listed
        self._builds.append(Build(number, listed.id, self._scheduled(), "QUEUED", "", 0, ""))
        return number

    def _scheduled(self) -> str:
        return f"2026-11-21T10:00:{next(self._clock):02}"

    def delete_all(self) -> None:
        """As SQLite does it: the numbers are free again."""
        self._environments.clear()
        self._builds.clear()

    def end(self, number: int, status: str = "COMPLETED") -> None:
        build = self._builds[number - 1]
        self._builds[number - 1] = replace(build, status=status, size=5, ended="2026-11-21T12:00:00")
        for key, one in self._environments.items():
            if one.id == build.environment and status == "COMPLETED":
                self._environments[key] = Listed(one.id, *key, number, one.description)
                meta = self.root / key[0] / "builds" / f"0123abcd-{build.stamp}-{key[1]}" / "conda-meta"
                meta.mkdir(parents=True)
                (meta / "history").touch()


class Site:
    """Values that a test changes, and a reconciler that follows them."""

    def __init__(self, root: Path) -> None:
        self.root = root / "environments"
        self.values_file = root / "values.json"
        self.database = root / "database"
        self.store = Store(self.root)
        self.declare(**{"global/one": ["tiny=1.0"]})
        place = Place(Builds(self.root), self.values_file, self.database, own_ids=False)
        self.reconciler = Reconciler(
            self.store,  # type: ignore[arg-type]
            place,
            lambda: self.config,
            lambda namespace: Access(True),
            logging.getLogger("conda-store-test"),
        )
        self._looks = 0

    def declare(self, gpu: bool = False, **declared: list[str]) -> None:
        environments = {key: {"dependencies": wanted, "gpu": gpu} for key, wanted in declared.items()}
        self.config = Config.model_validate({"environments": {"provider": "conda-store", "declared": environments}})

    def look(self) -> None:
        self._looks += 1
        self.database.write_text("x" * self._looks)  # as if something had happened
        self.reconciler._resting = 0.0
        self.reconciler.look()

    def entries(self) -> dict[str, tuple[str, str]]:
        return {entry.name: (entry.status, entry.message) for entry in read_manifest(self.root / "global")}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_is_declared_is_ordered_once_and_again_when_it_changes(site: Site) -> None:
    for _ in range(3):
        site.look()
    ((namespace, order),) = site.store.orders
    assert (namespace, order["dependencies"], order["channels"]) == (
        "global",
        ["tiny=1.0"],
        ["https://conda.anaconda.org/conda-forge"],
    )
    assert "variables" not in order
    site.store.end(1)
    site.look()
    assert site.entries() == {"one": ("ready", "")}
    site.declare(gpu=True, **{"global/one": ["tiny=1.0"]})
    site.look()
    assert site.store.orders[1][1]["variables"] == {"CONDA_OVERRIDE_CUDA": "12.4"}
    assert site.entries() == {"one": ("ready", "")}, "the build before stays while the next one is under way"
    site.declare()
    site.look()
    assert site.entries() == {"one": ("ready", "")}, "people may still use what is declared no more"


def test_conda_store_being_away_changes_nothing_and_is_said_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.look()
    site.store.end(1)
    site.look()
    before = site.entries()
    site.store.away = True
    for _ in range(3):
        site.look()
    assert site.entries() == before
    assert caplog.text.count("conda-store does not answer; environments that were built stay usable") == 1


def test_a_failed_build_and_a_refused_order_say_why_and_are_not_repeated(site: Site) -> None:
    site.look()
    site.store.end(1, "FAILED")
    for _ in range(3):
        site.look()
    assert site.entries() == {"one": ("failed", "It is broken.")}
    site.store.refuses = "The disk is full."
    site.declare(**{"global/one": ["tiny=2.0"], "global/two": ["tiny"]})
    for _ in range(3):
        site.look()
    assert site.entries() == {"one": ("failed", "The disk is full."), "two": ("failed", "The disk is full.")}
    assert len(site.store.orders) == 1


def test_a_reason_that_may_pass_is_tried_again_later(site: Site) -> None:
    site.store.log_text = "plugin-qhub: Problem: A channel can't be read now: x."
    site.look()
    site.store.end(1, "FAILED")  # long ago
    site.look()
    assert len(site.store.orders) == 2


def test_names_that_conda_store_would_misread_are_not_ordered(site: Site) -> None:
    site.declare(**{"global/my_env": ["tiny"]})
    site.look()
    assert site.store.orders == []
    assert "can't be the name of an environment" in site.entries()["my_env"][1]


def test_conda_store_is_told_the_values_and_nothing_else(site: Site) -> None:
    site.look()
    values = Values.read(site.values_file)
    assert values.allowed["conda-forge"] == "https://conda.anaconda.org/conda-forge"
    assert (values.room("user-ann"), values.room("global")) == (20 * 2**30, 100 * 2**30)
    assert values.declared_in("global") == {"one"}


def test_numbers_that_conda_store_gives_out_again_mean_something_new(site: Site) -> None:
    site.look()
    site.store.end(1)
    site.look()
    for wanted in ("global/one", "global/two"):
        site.store.delete_all()
        site.declare(**{wanted: ["tiny=2.0"]})
        site.look()
        assert site.store.orders[-1][1]["name"] == wanted.partition("/")[2]
        site.store.end(1, "FAILED")
        site.look()
        assert site.entries() == {wanted.partition("/")[2]: ("failed", "It is broken.")}


def test_nothing_is_asked_while_nothing_happens(site: Site) -> None:
    site.look()
    site.store.away = True  # it would notice
    site.reconciler._resting = 0.0
    site.reconciler.look()
    assert site.reconciler._said == ""
