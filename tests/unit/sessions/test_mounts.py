import dataclasses

import pytest

from qhub_hub.environments.manifest import Environment
from qhub_hub.identity.model import Group
from qhub_hub.sessions import Mount, Rejected
from qhub_hub.sessions.mounts import mounts_of


def test_a_person_sees_their_home_and_the_folders_of_their_groups(config_of, person):
    assert mounts_of(config_of(), person("ann", "data", "gpu", "all")) == (
        Mount("home/ann", "/home/ann"),
        Mount("shared/data", "/shared/data"),
        Mount("shared/gpu", "/shared/gpu"),
    )


def test_folders_have_the_names_they_were_first_given(config_of, person):
    who = person("ann@x.org", directory="ann-x", home="/home/ann-x")
    assert mounts_of(config_of(), who) == (Mount("home/ann-x", "/home/ann-x"),)


def test_a_group_that_the_values_file_does_not_declare_gives_nothing(config_of, person):
    site = config_of(groups={"gpu": {}})
    assert [mount.source for mount in mounts_of(site, person("ann", "data", "gpu"))] == ["home/ann", "shared/gpu"]


def test_visible_environments_are_read_only(config_of, person):
    site = config_of(environments={"namespaces": {"global": {}, "team": {"allowedGroups": ["ml"]}}})
    names = ("global", "team", "undeclared", "global")
    catalogue = tuple(Environment(name, "x", "/p") for name in names)
    shared = Mount("environments/global", "/home/conda/global", read_only=True)
    assert mounts_of(site, person(), catalogue)[1:] == (shared,)
    assert [m.target for m in mounts_of(site, person("ann", "ml"), catalogue) if m.read_only] == [
        "/home/conda/global",
        "/home/conda/team",
    ]


@pytest.mark.parametrize(
    ("environments", "first"),
    [
        ({}, []),
        ({"provider": "conda-store"}, ["environments/user-ann"]),
        ({"provider": "conda-store", "namespaces": {"user-ann": {"allowedGroups": ["ml"]}}}, []),
    ],
    ids=["built by qhub", "made by people", "closed to them"],
)
def test_where_people_make_environments_the_first_one_is_in_servers_that_run_already(
    config_of, person, environments, first
):
    site = config_of(environments=environments)
    assert [mount.source for mount in mounts_of(site, person()) if mount.read_only] == first
    catalogue = (Environment("global", "x", "/p"), Environment("user-bob", "x", "/p"))
    found = [mount.source for mount in mounts_of(site, person(), catalogue) if mount.read_only]
    assert found == ["environments/global", *first]


@pytest.mark.parametrize("name", ["..", ".", "a/../../b", "/etc", "", "x\n"], ids=repr)
def test_a_namespace_that_is_no_folder_name_is_never_mounted(config_of, person, name):
    site = config_of(environments={"namespaces": {name: {}}})
    assert len(mounts_of(site, person(), (Environment(name, "x", "/p"),))) == 1


@pytest.mark.parametrize("folder", ["..", ".", "", "bob/../ann", "/root", "a\0b", ".qhub2"], ids=repr)
def test_a_damaged_identity_database_leads_to_nobodys_files(config_of, person, folder):
    with pytest.raises(Rejected) as refusal:
        mounts_of(config_of(), person("ann", directory=folder))
    assert refusal.value.reason == "identity"


def test_a_damaged_group_folder_leads_to_nobodys_files(config_of, person):
    who = dataclasses.replace(person("ann"), groups=(Group("data", "data", 70_000, "../home/bob"),))
    with pytest.raises(Rejected) as refusal:
        mounts_of(config_of(), who)
    assert refusal.value.reason == "identity"
