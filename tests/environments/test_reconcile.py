"""What is declared or lies in a watched folder is built, once, and again when it changes."""

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.config.models import Config
from qhub_hub.environments.access import Access
from qhub_hub.environments.reconcile import Reconciler


class Site:
    """Values that a test changes, and a reconciler that follows them."""

    def __init__(self, place: Any) -> None:
        self.builds, self.channel = place.builds, place.channel
        self.values(**{"global/one": ["tiny=1.0"]})
        log = logging.getLogger("environments-test")
        self.reconciler = Reconciler(
            self.builds, lambda: self.config, lambda namespace: Access(True, own_ids=os.geteuid() == 0), log
        )

    def values(self, **declared: list[str]) -> None:
        self.config = Config.model_validate(
            {
                "environments": {
                    "channels": [self.channel],
                    "declared": {key: {"dependencies": wanted} for key, wanted in declared.items()},
                    "keep": {"minFree": "1Mi"},
                }
            }
        )

    def packages(self, key: str) -> dict[str, str]:
        namespace, _, name = key.partition("/")
        current = self.builds.current(namespace, name)
        return next((build.packages for build in self.builds.records(namespace, name) if build.key == current), {})

    def attempts(self, key: str) -> int:
        return len(self.builds.records(*key.split("/")))


@pytest.fixture
def site(place) -> Site:
    return Site(place)


def write(site: Site, name: str, text: str) -> Path:
    path = site.builds.namespace("global") / "environments" / name
    path.write_text(text)
    return path


def test_what_is_declared_is_built_once_and_again_when_it_changes(site: Site) -> None:
    for _ in range(3):
        site.reconciler.look()
    assert (site.packages("global/one"), site.attempts("global/one")) == ({"tiny": "1.0"}, 1)
    site.values(**{"global/one": ["tiny=2.0"]})
    site.reconciler.look()
    assert (site.packages("global/one"), site.attempts("global/one")) == ({"tiny": "2.0"}, 2)
    site.values()
    site.reconciler.look()
    assert site.packages("global/one") == {"tiny": "2.0"}, "people may still use what is declared no more"


def test_files_of_a_watched_folder_are_built_and_followed(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.reconciler.look()
    path = write(site, "two.yaml", "name: second\nchannels: []\ndependencies: [tiny=1.0]\n")
    write(site, "one.yml", "dependencies: [tiny=2.0]\n")
    write(site, "bad.yaml", "dependencies: [tiny]\nprefix: /etc\n")
    site.reconciler.look()
    assert site.packages("global/second") == {"tiny": "1.0"}
    assert site.packages("global/one") == {"tiny": "1.0"}, "the values file wins"
    assert "there is no key 'prefix'" in caplog.text
    path.write_text("name: second\ndependencies: [tiny=2.0]\n")
    site.reconciler.look()
    assert site.packages("global/second") == {"tiny": "2.0"}
    assert caplog.text.count("there is no key 'prefix'") == 1, "said once, not every three seconds"


def test_what_can_not_be_built_does_not_keep_others_from_it(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.values(**{"global/a": ["nosuchpackage"], "global/b": ["tiny"]})
    site.reconciler.look()
    assert site.packages("global/b")
    assert "global/a could not be built: nosuchpackage is in none of the channels" in caplog.text
    site.values(**{"global/a": ["nosuchpackage"], "global/b": ["tiny"], "global/c": ["tiny"]})
    site.reconciler.look()
    assert site.attempts("global/a") == 1, "it would fail the same way again"
