import pytest

from qhub_hub.environments.manifest import FAILED, Environment
from qhub_hub.sessions import (
    ClusterRequest,
    Rejected,
    cluster_command,
    cluster_summary,
    make_cluster_plan,
    make_plan,
    offered_clusters,
    parse_request,
    read_cluster_summary,
)

SMALL = {"cpu": {"limit": 2}, "memory": {"limit": "4Gi"}}
PACKAGES = {"python": "3.12.1", "distributed": "2026.8.0", "dask-gateway": "2026.3.0"}


def environment(namespace="global", name="work", **fields):
    fields = {"build": "abc-20261121", "python": "3.12.1", "packages": PACKAGES} | fields
    return Environment(namespace, name, f"/srv/{namespace}/builds/{name}/abc-20261121", **fields)


def refused(site, who, catalogue=(), **asked):
    with pytest.raises(Rejected) as refusal:
        make_cluster_plan(site, who, ClusterRequest(**asked), catalogue)
    assert refusal.value.message.isprintable()
    assert refusal.value.message.endswith(".")
    return refusal.value


def test_workers_are_the_person_as_a_server_of_the_profile_is(config_of, person):
    site, ann = config_of(profiles={"small": SMALL}), person("ann", "data", "gpu")
    server, cluster = make_plan(site, ann, parse_request({})), make_cluster_plan(site, ann, ClusterRequest())
    for process in (cluster.worker, cluster.scheduler):
        assert process.identity == server.identity
        assert process.mounts == server.mounts
        assert {name: process.env[name] for name in ("HOME", "USER", "QHUB_SHARED", "QHUB_UMASK")} == {
            name: server.env[name] for name in ("HOME", "USER", "QHUB_SHARED", "QHUB_UMASK")
        }
    assert (cluster.worker.cpu, cluster.worker.memory) == (server.cpu, server.memory)
    assert (cluster.worker.labels["qhub/dask"], cluster.scheduler.labels["qhub/dask"]) == ("worker", "scheduler")


def test_the_scheduler_has_its_own_size_and_node_group_and_never_an_accelerator(config_of, person):
    site = config_of(
        profiles={"gpu": {**SMALL, "nodeGroup": "gpu", "gpu": 1, "price": 3}},
        dask={"scheduler": {"cpu": {"limit": 0.5}, "memory": {"limit": "1Gi"}, "nodeGroup": "user"}},
        prices={"cpu": 1.0},
    )
    plan = make_cluster_plan(site, person(), ClusterRequest())
    assert (plan.worker.gpu, plan.worker.node_group, plan.worker.price.per_hour) == (1, "gpu", 3)
    assert (plan.scheduler.gpu, plan.scheduler.node_group, plan.scheduler.price.per_hour) == (0, "user", 0.5)
    assert plan.scheduler.cpu.limit == 0.5


def test_workers_run_on_the_node_group_that_the_profile_names_for_them(config_of, person):
    site = config_of(profiles={"small": {**SMALL, "dask": {"nodeGroup": "gpu"}}})
    assert make_cluster_plan(site, person(), ClusterRequest()).worker.node_group == "gpu"


@pytest.mark.parametrize(
    ("profiles", "found"),
    [
        ({"a": {**SMALL, "dask": {"workers": False}}, "b": SMALL}, "b"),
        ({"a": {**SMALL, "command": ["code-server"]}, "b": SMALL}, "b"),
        ({"a": {**SMALL, "allowedGroups": ["gpu"]}, "b": SMALL}, "b"),
        ({"a": {"cpu": {"limit": 99}, "memory": {"limit": "4Gi"}}, "b": SMALL}, "b"),
    ],
    ids=["closed to workers", "no lab", "of another group", "fits no node"],
)
def test_without_a_wish_the_first_profile_that_may_hold_workers_is_taken(config_of, person, profiles, found):
    site = config_of(profiles=profiles)
    assert make_cluster_plan(site, person("ann", "data"), ClusterRequest()).worker.profile == found


@pytest.mark.parametrize("asked", ["gpu", "nonsense", "lab"], ids=["another group's", "unknown", "no workers"])
def test_a_foreign_and_an_unknown_profile_are_refused_alike(config_of, person, asked):
    site = config_of(
        profiles={
            "small": SMALL,
            "gpu": {**SMALL, "allowedGroups": ["gpu"]},
            "lab": {**SMALL, "dask": {"workers": False}},
        }
    )
    refusal = refused(site, person("ann", "data"), profile=asked)
    assert refusal.message == f"The profile '{asked}' is not available to you for workers. Choose one of small."
    assert refusal.status == 403


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (environment(namespace="group-gpu"), "is not available to you"),
        (environment(name="other"), "is not available to you. Choose one of global/other."),
        (environment(status=FAILED), "none of its builds is in force yet"),
        (environment(packages={"python": "3.12.1"}), "it has no distributed and dask-gateway"),
        (environment(packages=PACKAGES | {"distributed": "2022.1.0"}), "its distributed is 2022.1.0; needed is 2023.1"),
        (environment(packages=PACKAGES | {"dask-gateway": "0.9.0"}), "its dask-gateway is 0.9.0"),
        (environment(python="", packages={k: v for k, v in PACKAGES.items() if k != "python"}), "it has no python"),
    ],
    ids=["another group's", "absent", "not ready", "without dask", "old distributed", "old gateway", "no python"],
)
def test_an_environment_that_can_not_run_a_cluster_is_refused_with_the_reason(config_of, person, there, why):
    site = config_of(profiles={"small": SMALL})
    asked = there.key if there.name == "work" else "global/work"
    message = refused(site, person("ann", "data"), (there,), environment=asked).message
    assert why.replace("distributed and dask-gateway", "distributed or dask-gateway") in message


def test_a_cluster_stays_with_the_build_that_was_in_force_when_it_was_asked_for(config_of, person):
    plan = make_cluster_plan(
        config_of(profiles={"small": SMALL}), person(), ClusterRequest(environment="global/work"), (environment(),)
    )
    prefix = "/home/conda/global/builds/work/abc-20261121"
    assert plan.python == f"{prefix}/bin/python"
    assert plan.worker.env["PATH"].split(":")[0] == f"{prefix}/bin"
    assert plan.worker.environment == "global/work"


def test_programs_are_started_as_modules_with_the_groups_umask(config_of, person):
    plan = make_cluster_plan(
        config_of(profiles={"small": SMALL}),
        person(),
        ClusterRequest(environment="global/work"),
        (environment(activated=True),),
    )
    shell, _, script, *words = cluster_command(plan, "worker")
    assert shell == "/bin/sh"
    assert script.startswith("umask 0002; ")
    assert "etc/conda/activate.d" in script
    assert words[1:] == [plan.python, "-m", "distributed.cli.dask_worker"][0:]


@pytest.mark.parametrize(
    ("profile", "minutes", "idle"),
    [({}, None, 1800), ({}, 5, 300), ({"idle": "10m"}, None, 600), ({"maxIdle": "20m"}, None, 1200)],
    ids=["default", "asked", "the profile's", "at most the profile's longest"],
)
def test_an_idle_cluster_always_ends(config_of, person, profile, minutes, idle):
    site = config_of(profiles={"small": {**SMALL, "dask": profile}})
    assert make_cluster_plan(site, person(), ClusterRequest(idle_minutes=minutes)).idle == idle


def test_a_longer_idle_time_than_the_profiles_longest_is_refused(config_of, person):
    site = config_of(profiles={"small": {**SMALL, "dask": {"idle": "5m", "maxIdle": "20m"}}})
    assert refused(site, person(), idle_minutes=21).message == (
        "A cluster may wait for work at most 20 min; found idle_minutes=21. Choose 20 or less."
    )


def test_variables_reach_scheduler_and_workers_and_leave_the_platforms_alone(config_of, person):
    site = config_of(profiles={"small": {**SMALL, "env": {"OMP_NUM_THREADS": "3", "A": "1"}}})
    plan = make_cluster_plan(site, person(), ClusterRequest(variables={"A": "2", "B": "3"}))
    for process in (plan.worker, plan.scheduler):
        assert {name: process.env[name] for name in ("A", "B", "OMP_NUM_THREADS")} == {
            "A": "2",
            "B": "3",
            "OMP_NUM_THREADS": "3",
        }
        assert "QHUB_IDLE" not in process.env


def test_what_is_offered_is_accepted_and_what_is_not_is_absent(config_of, person):
    site = config_of(
        profiles={
            "small": {**SMALL, "options": {"sizes": {"one": {"cpu": {"limit": 1}}, "two": {"cpu": {"limit": 2}}}}},
            "gpu": {**SMALL, "allowedGroups": ["gpu"]},
            "huge": {"cpu": {"limit": 99}, "memory": {"limit": "1Gi"}},
        },
        limits={"everyone": {"dask": {"clusters": 0}}},
    )
    ann, catalogue = person("ann", "data"), (environment(), environment(name="bare", packages={}))
    found = offered_clusters(site, ann, catalogue)
    assert [(offer.profile, offer.sizes) for offer in found.profiles] == [("small", ("one", "two"))]
    assert found.environments == ("global/work",)
    free = site.model_copy(update={"limits": type(site.limits)()})
    for size in found.profiles[0].sizes:
        make_cluster_plan(free, ann, ClusterRequest("small", "global/work", size), catalogue)


def test_a_summary_reads_back_as_what_was_decided_and_nothing_else_is_read(config_of, person):
    site = config_of(profiles={"small": SMALL}, prices={"cpu": 0.5})
    plan = make_cluster_plan(site, person("ann", "data"), ClusterRequest())
    kept = cluster_summary(plan)
    found = read_cluster_summary(kept)
    assert (found.groups, found.worker, found.most_workers) == (("data",), plan.worker_share, plan.most_workers)
    assert found.price_text == "0.05 USD per hour and 1.00 USD per hour for each worker"
    for damaged in (None, [], {}, {**kept, "version": 99}, {**kept, "max_age": -1}, {**kept, "groups": "data"}):
        assert read_cluster_summary(damaged) is None
