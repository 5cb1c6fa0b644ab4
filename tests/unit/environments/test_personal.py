"""People's own folders: what a person may have built, and that nothing in a home makes the builder do anything else."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.config.models import Config
from qhub_hub.config.models.environments import Environments
from qhub_hub.environments.builds import Builds
from qhub_hub.environments.personal import PersonalFolders, Wishes
from qhub_hub.environments.reconcile import wanted
from qhub_hub.identity.records import UserRecord

CONFIG = Environments.model_validate({"channels": ["conda-forge"], "personal": {"most": 2}})
GOOD = "dependencies: [numpy]\n"


class Home:
    """The home of somebody, and what the builder makes of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "ann" / "environments"
        self.folder.mkdir(parents=True)
        self.own_ids = os.geteuid() == 0
        people = [UserRecord("Ann", "ann", 120_001, 120_001, "ann"), UserRecord("bob", "bob", 120_002, 120_002, "bob")]
        self.folders = PersonalFolders(root, lambda: people, self.own_ids)
        self.give(self.folder)

    def give(self, path: Path, uid: int = 120_001) -> Path:
        if self.own_ids:
            os.chown(path, uid, uid, follow_symlinks=False)
        return path

    def put(self, name: str, text: str = GOOD) -> Path:
        path = self.folder / name
        path.write_text(text)
        return self.give(path)

    @property
    def wishes(self) -> Wishes:
        (found,) = self.folders.wishes(CONFIG)
        return found

    @property
    def complaints(self) -> dict[str, str]:
        return dict(self.wishes.complaints)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_files_are_built_into_the_persons_own_namespace(home: Home) -> None:
    assert home.wishes.specifications == ()
    home.put("plots.yaml", "name: charts\ndependencies: [matplotlib]\n")
    (found,) = home.wishes.specifications
    assert found.namespace == home.wishes.namespace
    assert found.namespace.startswith("user-ann-"), "the hash keeps Ann and ann apart"
    assert (found.name, found.dependencies, found.source) == ("charts", ("matplotlib",), "~/environments/plots.yaml")
    assert found.channels == ("https://conda.anaconda.org/conda-forge",)


def test_a_home_that_is_away_takes_nothing_back(home: Home) -> None:
    home.put("a.yaml")
    assert len(home.folders.wishes(CONFIG)) == 1, "bob has no home"
    os.rename(home.root / "ann", home.root / "away")
    assert home.folders.wishes(CONFIG) == ()


def test_only_so_many_are_built_and_the_next_one_is_named(home: Home) -> None:
    for name in "abc":
        home.put(f"{name}.yaml")
    assert [one.name for one in home.wishes.specifications] == ["a", "b"]
    assert "c.yaml is one too many" in home.complaints["too-many"]


def fifo(home: Home) -> None:
    os.mkfifo(home.folder / "x.yaml")
    home.give(home.folder / "x.yaml")


def link(home: Home) -> None:
    (home.root / "secret").write_text("password: 12345\n")
    (home.folder / "x.yaml").symlink_to(home.root / "secret")
    home.give(home.folder / "x.yaml")


def second_name(home: Home) -> None:
    (home.root / "secret").write_text("password: 12345\n")
    os.link(home.root / "secret", home.folder / "x.yaml")


def huge(home: Home) -> None:
    home.put("x.yaml")
    os.truncate(home.folder / "x.yaml", 2**40)


def folder(home: Home) -> None:
    (home.folder / "x.yaml").mkdir()
    home.give(home.folder / "x.yaml")


@pytest.mark.root
@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (fifo, "is no regular file"),
        (link, "it must be a file, not a link"),
        (second_name, "does not belong to you"),
        (huge, "larger than 8 KiB"),
        (folder, "it must be a file, not a link"),
    ],
)
def test_what_is_no_file_of_theirs_is_not_read(home: Home, plant: Any, sentence: str) -> None:
    plant(home)
    home.put("good.yaml")
    assert [one.name for one in home.wishes.specifications] == ["good"]
    assert sentence in home.complaints["x"]
    assert "12345" not in str(home.complaints)


@pytest.mark.root
def test_a_folder_of_somebody_else_or_a_link_in_its_place_is_refused(home: Home) -> None:
    home.put("a.yaml")
    home.give(home.folder, 120_002)
    assert home.wishes.specifications == ()
    assert home.complaints == {"environments": "~/environments does not belong to you."}
    os.rename(home.folder, home.root / "elsewhere")
    home.folder.symlink_to(home.root / "elsewhere")
    assert "not a link" in home.complaints["environments"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dependencies: [a, {pip: [b]}]", "packages below `pip:` are not built"),
        ("channels: [evil]\ndependencies: [a]", "the channel evil is not allowed here"),
        ("channels: ['file:///etc']\ndependencies: [a]", "is not allowed here"),
        ("dependencies: &a [*a]", "alias"),
        ("{", "plots.yaml"),
    ],
)
def test_what_can_not_be_built_is_said_beside_the_name_it_would_have(home: Home, text: str, sentence: str) -> None:
    home.put("plots.yaml", text)
    assert home.wishes.specifications == ()
    assert sentence in home.complaints["plots"]


def test_a_file_whose_name_can_be_no_environments_is_said_beside_one_that_can(home: Home) -> None:
    home.put("My Plots.yaml")
    home.put("my+plots.yaml")
    assert home.wishes.specifications == ()
    assert set(home.complaints) == {"my-plots", "my-plots-2"}
    assert "no name of an environment" in home.complaints["my-plots"]


def test_of_a_folder_with_a_million_files_some_are_looked_at_and_that_is_said(home: Home) -> None:
    for number in range(700):
        (home.folder / f"{number}.yaml").touch()
    home.give(home.folder)
    assert len(home.folders.marks()[0]) == 1 + 500
    assert "more than 500" in home.complaints["too-many"]


def test_what_the_values_declare_comes_first_and_everybody_has_a_turn(tmp_path: Path) -> None:
    config = Config.model_validate({"environments": {"declared": {"user-ann/one": {"dependencies": ["mine"]}}}})

    def wishes(person: str, *names: str) -> Wishes:
        home = Home(tmp_path / person)
        for name in names:
            home.put(f"{name}.yaml")
        found = home.folders.wishes(Environments())[0]
        return Wishes(f"user-{person}", tuple(replace(one, namespace=f"user-{person}") for one in found.specifications))

    specifications, problems = wanted(
        Builds(tmp_path / "builds"), config, [wishes("ann", "one", "two", "three"), wishes("bob", "four")]
    )
    assert [one.key for one in specifications] == ["user-ann/one", "user-bob/four", "user-ann/three", "user-ann/two"]
    assert specifications[0].dependencies == ("mine",)
    assert problems == ()
