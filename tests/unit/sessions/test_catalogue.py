"""Which environments a person sees: the same rule for the spawn page, the mounts and what the server is told."""

from pathlib import Path

import pytest

from qhub_hub.environments import Environment, group_namespace
from qhub_hub.sessions import make_plan, parse_request, to_process
from qhub_hub.sessions.catalogue import visible_environments

CATALOGUE = tuple(
    Environment(namespace, "x", f"/home/conda/{namespace}/builds/x/1")
    for namespace in ("global", "group-data", "group-gpu", "user-ann", "user-bob", "geo", "undeclared", "..", "group-")
)


@pytest.mark.parametrize(
    ("name", "groups", "expected"),
    [
        ("eve", (), ["global"]),
        ("ann", ("data",), ["geo", "global", "group-data", "user-ann"]),
        ("bob", ("gpu",), ["global", "group-gpu", "user-bob"]),
    ],
    ids=["in no group", "member", "another member"],
)
def test_a_person_sees_what_is_for_all_their_groups_and_themselves(config_of, person, name, groups, expected):
    site = config_of(environments={"namespaces": {"geo": {"allowedGroups": ["data"]}}})
    seen = visible_environments(site, person(name, *groups), CATALOGUE)
    assert sorted(environment.namespace for environment in seen) == expected


def test_what_is_declared_narrows_what_is_implied(config_of, person):
    site = config_of(environments={"namespaces": {"global": {"allowedGroups": ["data"]}}})
    assert visible_environments(site, person("eve"), CATALOGUE) == ()


def test_a_server_is_told_its_namespaces_before_anything_is_built_there(config_of, person):
    site = config_of(profiles={"p": {}})
    ann = person("ann", "data")
    plan = make_plan(site, ann, parse_request({}))
    assert plan.env["QHUB_ENVIRONMENTS"] == "/home/conda/global:/home/conda/group-data:/home/conda/user-ann"
    assert "QHUB_ENVIRONMENT" not in plan.env
    process = to_process(plan, root=Path("/srv/files"), python="/venv/bin/python")
    folders = process.env["QHUB_ENVIRONMENTS"].split(":")
    assert folders == [f"/srv/files/environments/{name}" for name in ("global", "group-data", "user-ann")]


def test_a_server_is_told_which_one_was_chosen(config_of, person):
    site = config_of(profiles={"p": {"options": {"environments": ["global/*", "group-data/*"]}}})
    ann = person("ann", "data")
    assert make_plan(site, ann, parse_request({}), CATALOGUE).env["QHUB_ENVIRONMENT"] == "global/x"
    chosen = make_plan(site, ann, parse_request({"environment": "group-data/x"}), CATALOGUE)
    assert chosen.env["QHUB_ENVIRONMENT"] == "group-data/x"


def test_a_profile_can_not_name_other_folders(config_of, person):
    site = config_of(profiles={"p": {"env": {"QHUB_ENVIRONMENTS": "/etc", "QHUB_ENVIRONMENT": "x/y"}}})
    plan = make_plan(site, person("ann"), parse_request({}))
    assert plan.env["QHUB_ENVIRONMENTS"].startswith("/home/conda/global")


def test_people_with_strange_names_have_folders_that_lead_nowhere_else(config_of, person):
    site = config_of(profiles={"p": {}})
    for name in ("../../etc", "a:b", "group-data", "x" * 300, "é"):
        folders = make_plan(site, person(name, directory="x"), parse_request({})).env["QHUB_ENVIRONMENTS"].split(":")
        assert len(folders) == 2
        assert all(folder.startswith("/home/conda/") and folder.count("/") == 3 for folder in folders)
        assert f"/home/conda/{group_namespace('data')}" not in folders
