"""One release per namespace: names such as `hub` and `proxy-public` can be there once."""

from collections.abc import Iterator

from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.helm import newest, revisions
from qhub_hub.cli.diagnosis.snapshot import Object, Snapshot

_CHARTS = {"qhub", "jupyterhub"}


def check(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings on releases that share the namespace, and on one that Helm did not finish."""
    last = {name: one for name, one in newest(revisions(snapshot.all("secrets"))).items() if one.chart in _CHARTS}
    # An uninstalled release that was told to keep its history is no neighbour.
    living = {name: one for name, one in last.items() if one.status != "uninstalled"}
    owners = {owner for one in _hubs(snapshot) if (owner := release_of(one))} | living.keys()
    if len(owners) > 1:
        yield Finding(
            "releases",
            f"namespace/{snapshot.namespace}",
            f"it holds more than one hub: the releases {', '.join(sorted(owners))}.",
            "Keep one per namespace: they use the same names. Uninstall the other one with `helm uninstall`.",
        )
    hub = snapshot.named("deployments", "hub")
    if hub is not None and not runs_qhub(hub):
        yield Finding(
            "releases",
            "deployment/hub",
            "it is not QHub's: it looks like another JupyterHub, such as Zero to JupyterHub.",
            "Install QHub in a namespace of its own, or add QHub to that hub as docs/guides/kubernetes.md says.",
        )
    for name, one in living.items():
        if one.status.startswith("pending"):
            yield Finding(
                "releases",
                f"release/{name}",
                f"Helm began revision {one.number} and did not finish it ({one.status}); it will not begin another.",
                f"If no helm runs: helm rollback {name} (or helm uninstall {name}, if it was the first).",
            )
        elif one.status == "failed":
            yield Finding(
                "releases",
                f"release/{name}",
                f"its revision {one.number} failed.",
                f"`helm status {name}` says why; correct the values and run `helm upgrade`.",
            )


def _hubs(snapshot: Snapshot) -> Iterator[Object]:
    for deployment in snapshot.all("deployments"):
        if (deployment["metadata"].get("labels") or {}).get("component") == "hub":
            yield deployment


def release_of(one: Object) -> str:
    """Helm's name of the release that an object belongs to; empty where it can't be told."""
    meta = one["metadata"]
    named = (meta.get("annotations") or {}).get("meta.helm.sh/release-name")
    return str(named or (meta.get("labels") or {}).get("release", ""))


def runs_qhub(hub: Object) -> bool:
    """Whether this deployment runs `qhub hub`, as QHub's chart has it."""
    for container in hub["spec"]["template"]["spec"]["containers"]:
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        if words[:1] == ["jupyterhub"] or any("jupyterhub_config.py" in word for word in words):
            return False
    return True
