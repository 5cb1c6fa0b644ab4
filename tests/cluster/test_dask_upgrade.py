"""Dask switched on, and off again, by `helm upgrade`."""

from collections.abc import Callable

import httpx

from tests.cluster.dask import START, Kernel, pods, wait_for_gateway
from tests.cluster.kubernetes import CHART, kubectl, until
from tests.cluster.release import Release

VALUES = """
qhub:
  signIn: {allow: everyone}
  dask:
    scheduler: {cpu: {guarantee: 0.05, limit: 1}, memory: {guarantee: "128Mi", limit: "400Mi"}}
  profiles:
    small: {cpu: {guarantee: 0.05, limit: 2}, memory: {guarantee: "128Mi", limit: "1Gi"}, order: 1}
"""
WITH_DASK = VALUES + "dask-gateway: {enabled: true}\n"


def test_an_upgrade_switches_dask_on_and_off_and_leaves_no_cluster_behind(new_release: Callable[..., Release]) -> None:
    release = new_release("switched").install(VALUES)
    kubectl("apply", "--filename", str(CHART / "charts/dask-gateway/crds/daskclusters.yaml"))  # as the guide says
    release.upgrade(WITH_DASK)
    wait_for_gateway(release)
    # The hub learns of it from its Secret, which Kubernetes brings into its pod within a minute or so.
    health = f"{release.address}/services/dask-gateway/api/health"
    until("the hub leads to the gateway", lambda: httpx.get(health).status_code == 200)
    release.ready()
    finn = release.started("finn", profile="small")
    kernel = Kernel(release, "finn")
    try:
        name = kernel.run(START)
        assert kernel.run("result = client.run_on_scheduler(lambda: 1)") == 1
        assert pods(release, name, "dask-scheduler")
        release.upgrade(VALUES)
        until("nothing of the cluster is left", lambda: not pods(release, name))
        assert not release.objects("daskclusters")
        until("the hub knows the server", lambda: finn.server().get("ready"))
    finally:
        kernel.close()
