"""Dask clusters of two people: who their workers are, what others reach of them, and what happens when parts die."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cluster.dask import API, CONTROLLER, PROXY, START, Kernel, pods, wait_for_gateway
from tests.cluster.kubernetes import ran, until
from tests.cluster.release import Release

VALUES = """
qhub:
  signIn: {allow: everyone}
  users:
    ann: {uid: 130001}
  groups:
    climate: {gid: 80001, members: [ann]}
    ocean: {gid: 80002, members: [bob]}
  dask:
    scheduler: {cpu: {guarantee: 0.1, limit: 1}, memory: {guarantee: "128Mi", limit: "400Mi"}}
  profiles:
    small: {cpu: {guarantee: 0.05, limit: 2}, memory: {guarantee: "128Mi", limit: "1Gi"}, order: 1}
    ocean-only: {allowedGroups: [ocean], cpu: {limit: 0.1}, memory: {limit: "256Mi"}, order: 2}
    # An image with a Python, and without Dask.
    bare: {image: "IMAGE", cpu: {guarantee: 0.05, limit: 1}, memory: {guarantee: "64Mi", limit: "256Mi"}, order: 3}
    medium: null
    share: null
dask-gateway: {enabled: true}
"""

AGAIN = "client = cluster.get_client(); "
"""Before a test's own work: the connection of another test may have been cut on purpose."""

WHO = """
def who():
    import os, pathlib, subprocess
    (folder,) = (each for each in pathlib.Path("/shared").iterdir() if each.name != "everyone")
    os.makedirs(folder / "made", exist_ok=True)
    (folder / "made" / "by-a-worker").write_text("x")
    name = subprocess.run(["whoami"], capture_output=True, text=True).stdout.strip()
    return [os.getuid(), os.getgid(), sorted(os.getgroups()), os.getcwd(), name, os.listdir("/home"), str(folder)]
cluster.adapt(minimum=0, maximum=2)
client = cluster.get_client()
result = client.submit(who, pure=False).result(timeout=120)
"""


@pytest.fixture(scope="module")
def release(new_release: Callable[..., Release]) -> Release:
    """A release with Dask, and servers of ann and bob."""
    made = new_release()
    rendered = ran("helm", "template", "qhub", "helm").stdout
    image = re.search(r"image: (\S+/qhub/hub:\S+)", rendered)
    made.install(VALUES.replace("IMAGE", image[1] if image else ""))
    wait_for_gateway(made)
    for name in ("ann", "bob"):
        made.started(name, profile="small")
    return made


@pytest.fixture(scope="module")
def kernels(release: Release) -> Iterator[dict[str, Kernel]]:
    """Notebooks of ann and bob, each with a cluster as `cluster` and `client`; started at the same time."""
    found = {name: Kernel(release, name) for name in ("ann", "bob")}
    with ThreadPoolExecutor(len(found)) as threads:
        list(threads.map(lambda kernel: kernel.run(START), found.values()))
    yield found
    for kernel in found.values():
        kernel.close()


@pytest.fixture(scope="module")
def ann(kernels: dict[str, Kernel]) -> Kernel:
    """Ann's notebook."""
    return kernels["ann"]


@pytest.fixture(scope="module")
def bob(kernels: dict[str, Kernel]) -> Kernel:
    """Bob's notebook."""
    return kernels["bob"]


@pytest.fixture(scope="module")
def idle(ann: Kernel) -> tuple[str, float]:
    """A cluster that nobody uses, and that may be idle for a minute: its name, and when it was there."""
    name = ann.run("idle = Gateway().new_cluster(idle_minutes=1, shutdown_on_close=False); result = idle.name")
    return name, time.monotonic()


def phase(release: Release, name: str) -> str:
    """How a cluster is: Pending, Running, Stopped, Failed."""
    (found,) = (one for one in release.objects("daskclusters") if one["metadata"]["name"] == name.rpartition(".")[2])
    return str(found.get("status", {}).get("phase", "Pending"))


@pytest.mark.usefixtures("idle")
def test_the_three_lines_give_workers_that_are_their_owner(release: Release, ann: Kernel) -> None:
    uid, gid, groups, cwd, name, homes, folder = ann.run(WHO)
    assert (uid, gid, cwd, name, homes) == (130001, 130001, "/home/ann", "ann", ["ann", "lab"])
    assert {80001, 130001} < set(groups)
    assert 80002 not in groups
    pod = (release.server_pod("ann") or {})["metadata"]["name"]
    said = release.kubectl("exec", pod, "--", "stat", "-c", "%U %G %A", f"{folder}/made", f"{folder}/made/by-a-worker")
    assert said.splitlines() == ["ann climate drwxrwsr-x", "ann climate -rw-rw-r--"]


def test_another_person_is_somebody_else(bob: Kernel) -> None:
    uid, _, groups, cwd, name, homes, folder = bob.run(WHO)
    assert (cwd, name, homes, folder) == ("/home/bob", "bob", ["bob", "lab"], "/shared/ocean")
    assert uid != 130001
    assert 80001 not in groups


def test_pods_of_a_cluster_are_restricted_and_hold_no_credentials_of_kubernetes(release: Release, ann: Kernel) -> None:
    (scheduler,) = pods(release, ann.run("result = cluster.name"), "dask-scheduler")
    server = (release.server_pod("ann") or {})["spec"]
    assert scheduler["spec"]["securityContext"] == server["securityContext"]
    assert not [volume for volume in scheduler["spec"]["volumes"] if "projected" in volume]
    label = "pod-security.kubernetes.io/enforce=restricted"
    ended = ran("kubectl", "label", "--dry-run=server", "--overwrite", "namespace", release.namespace, label)
    assert not re.search(r"^Warning: [a-z-]*(dask-gateway|dask-scheduler|dask-worker)", ended.stderr, re.MULTILINE)


def test_the_gateways_rights_are_small(release: Release) -> None:
    for account, asked, allowed in (
        (API, "create daskclusters.gateway.dask.org", "yes"),
        (API, "get secrets", "no"),
        (API, "create pods", "no"),
        (CONTROLLER, "create pods", "yes"),
        (CONTROLLER, "get secrets", "no"),
        (CONTROLLER, "create pods --subresource=exec", "no"),
        (CONTROLLER, "create rolebindings", "no"),
    ):
        who = f"--as=system:serviceaccount:{release.namespace}:{account}"
        said = ran("kubectl", "-n", release.namespace, "auth", "can-i", *asked.split(), who).stdout.strip()
        assert said == allowed, f"{account}: {asked}"


FORGED = {
    "an-image": ('image="evil"', "There is no option 'image'"),
    "a-pod": ("worker_extra_pod_config={}", "There is no option 'worker_extra_pod_config'"),
    "a-list": ('profile=["small"]', "must be text"),
    "another-groups-profile": ('profile="ocean-only"', "is not available to you"),
    "true-for-a-number": ("idle_minutes=True", "must be a whole number"),
    "too-long": ("idle_minutes=10**5", "at most"),
    "a-library": ('variables={"LD_PRELOAD": "/x"}', "LD_PRELOAD may not be set"),
    "an-environment": ('environment="user-bob/x"', "is not available to you"),
}


@pytest.mark.parametrize(("options", "words"), FORGED.values(), ids=FORGED)
def test_forged_options_are_refused_with_a_sentence(ann: Kernel, options: str, words: str) -> None:
    # Past the client's own widget, as raw REST does it.
    code = f"gateway = Gateway(); result = gateway.sync(gateway._submit, cluster_options=None, **dict({options}))"
    assert words in ann.refusal(code)


def test_nobody_reaches_the_cluster_of_somebody_else(release: Release, ann: Kernel, bob: Kernel) -> None:
    name = ann.run("result = cluster.name")
    assert "403" in bob.refusal(f"Gateway().connect({name!r})")
    assert name not in bob.run("result = [report.name for report in Gateway().list_clusters()]")
    assert "403" in bob.refusal(f"Gateway().stop_cluster({name!r})")
    assert phase(release, name) == "Running"
    (scheduler,) = pods(release, name, "dask-scheduler")
    address = scheduler["status"]["podIP"]
    tried = f"""
import socket
def reached():
    open_ones = []
    for port in (8786, 8787, 8788):
        try:
            socket.create_connection(({address!r}, port), 2).close()
            open_ones.append(port)
        except OSError:
            pass
    return open_ones
"""
    assert bob.run(f"{tried}result = reached()") == [], "from a notebook"
    # Workers of different clusters are in one network; past the port for their own kind there is a certificate.
    assert set(bob.run(f"{tried}{AGAIN}result = client.submit(reached, pure=False).result(timeout=120)")) <= {8786}
    foreign = f"""
import socket, ssl
def foreign():
    # With the certificate of the cluster that this worker belongs to.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain("/etc/dask-credentials/dask.crt", "/etc/dask-credentials/dask.pem")
    try:
        with socket.create_connection(({address!r}, 8786), 5) as plain, context.wrap_socket(plain) as secure:
            secure.sendall(b"x" * 100)
            return f"was answered {{len(secure.recv(100))}} bytes"
    except OSError as error:
        return type(error).__name__
client = cluster.get_client()
result = client.submit(foreign, pure=False).result(timeout=120)
"""
    assert bob.run(foreign) in ("SSLError", "SSLEOFError", "ConnectionResetError")


def test_the_dashboard_is_its_owners_through_the_hubs_proxy(release: Release, ann: Kernel) -> None:
    link = urlsplit(ann.run("result = cluster.dashboard_link")).path
    browser = {"Accept": "text/html"}
    answer = release.person("ann").http.get(link, headers=browser)
    assert (answer.status_code, "Bokeh" in answer.text) == (200, True), answer.text[:500]
    assert answer.url.path == link
    refused = release.person("bob").http.get(link, headers=browser)
    assert (refused.status_code, "Bokeh" in refused.text) == (404, False), refused.text[:500]


def test_a_running_cluster_outlives_the_gateways_api(release: Release, ann: Kernel, figure: Any) -> None:
    before = release.uid("dask-gateway")
    ann.run(
        AGAIN + "cluster.adapt(minimum=1, maximum=2); result = client.submit(sum, [1], pure=False).result(timeout=120)"
    )
    release.kubectl("delete", "pod", "--selector=component=dask-gateway", "--grace-period=0", "--force")
    assert ann.run("result = client.submit(sum, [1, 2], pure=False).result(timeout=60)") == 3, "without the API"
    began = time.monotonic()
    release.kubectl("rollout", "status", f"deployment/{API}", "--timeout=120s", timeout=130)
    until("there is another one", lambda: release.uid("dask-gateway") != before)
    figure("Dask: the API's pod killed → another one answers", began)
    name = ann.run("result = cluster.name")
    until("it is known again", lambda: name in ann.run("result = [one.name for one in Gateway().list_clusters()]"))
    assert ann.run("result = cluster.get_client().submit(sum, [1, 3], pure=False).result(timeout=60)") == 4


def test_a_killed_proxy_costs_a_connection_and_no_work(release: Release, ann: Kernel, figure: Any) -> None:
    ann.run(AGAIN + "cluster.adapt(minimum=1, maximum=2)")
    ann.run("kept = client.submit(sum, [4, 5]); kept.result(timeout=120); client.publish_dataset(kept=kept)")
    name = ann.run("result = cluster.name")
    began = time.monotonic()
    release.kubectl("delete", "pod", "--selector=component=dask-proxy", "--grace-period=0", "--force")
    release.kubectl("rollout", "status", f"deployment/{PROXY}", "--timeout=120s", timeout=130)
    again = f"found = Gateway().connect({name!r}).get_client(); result = found.get_dataset('kept').result(timeout=20)"
    until("the cluster is reached again", lambda: ann.ask(again).get("result") == 9, every=1)
    figure("Dask: the proxy's pod killed → a cluster is reached again", began)


def test_workers_that_are_not_needed_end(release: Release, ann: Kernel) -> None:
    # Workers that hold a result are needed.
    ann.run(AGAIN + "kept = [client.unpublish_dataset(name) for name in client.list_datasets()]")
    name = ann.run("cluster.adapt(minimum=0, maximum=2); result = cluster.name")
    ann.run("result = len(client.gather(client.map(lambda n: __import__('time').sleep(0.3), range(20), pure=False)))")
    assert pods(release, name, "dask-worker")
    until("no worker is left", lambda: not pods(release, name, "dask-worker"), 90)
    assert phase(release, name) == "Running"


def test_a_scheduler_without_memory_says_so(release: Release, bob: Kernel) -> None:
    name = bob.run('full = Gateway().new_cluster(profile="small"); own = full.get_client(); result = full.name')
    bob.ask("own.run_on_scheduler(lambda: bytearray(1 << 30) and None)")
    until("it has failed", lambda: phase(release, name) == "Failed")
    assert "needed more memory than it has" in bob.refusal(f"Gateway().connect({name!r})")


def test_an_image_without_dask_says_so(release: Release, bob: Kernel) -> None:
    said = bob.refusal('Gateway().new_cluster(profile="bare")')
    assert "does not have distributed. Choose one with dask, distributed and dask-gateway." in said


def test_a_cluster_that_nobody_uses_ends(release: Release, idle: tuple[str, float], figure: Any) -> None:
    name, began = idle
    until("it has ended", lambda: phase(release, name) == "Stopped")
    figure("Dask: a cluster with idle_minutes=1 ends after", began)
    until("its pods are gone", lambda: not pods(release, name))


def test_clusters_of_somebody_who_is_removed_end(release: Release, figure: Any) -> None:
    release.started("carl", profile="small")
    carl = Kernel(release, "carl")
    try:
        name = carl.run(START)
        assert phase(release, name) == "Running"
        began = time.monotonic()
        assert release.person("admin").api("DELETE", "/users/carl").status_code in (202, 204)
        until("it has ended", lambda: phase(release, name) == "Stopped")
        figure("Dask: somebody removed → their clusters end after", began)
    finally:
        carl.close()
