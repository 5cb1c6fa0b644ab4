"""The chart's `jupyterhub` section as settings of JupyterHub and KubeSpawner.

The names are those of Zero to JupyterHub (facts/charts.md §2), so that what people know and have goes on to work.
What a plan decides has no entry here: image, sizes, node selection and mounts come from profiles.
"""

from collections.abc import Iterator, Mapping
from typing import Any

HUB = {
    "hub.baseUrl": "base_url",
    "hub.concurrentSpawnLimit": "concurrent_spawn_limit",
    "hub.activeServerLimit": "active_server_limit",
    "hub.allowNamedServers": "allow_named_servers",
    "hub.namedServerLimitPerUser": "named_server_limit_per_user",
    "hub.redirectToServer": "redirect_to_server",
    "hub.authenticatePrometheus": "authenticate_prometheus",
}
"""Of the class JupyterHub."""

SPAWNER = {
    "singleuser.image.pullPolicy": "image_pull_policy",
    "singleuser.startTimeout": "start_timeout",
    "singleuser.defaultUrl": "default_url",
    "singleuser.cmd": "cmd",
    "singleuser.events": "events_enabled",
    "singleuser.extraLabels": "extra_labels",
    "singleuser.extraAnnotations": "extra_annotations",
    "singleuser.nodeSelector": "node_selector",
    "singleuser.serviceAccountName": "service_account",
    "singleuser.allowPrivilegeEscalation": "allow_privilege_escalation",
    "singleuser.lifecycleHooks": "lifecycle_hooks",
    "singleuser.extraPodConfig": "extra_pod_config",
    "singleuser.extraResource.limits": "extra_resource_limits",
    "singleuser.extraResource.guarantees": "extra_resource_guarantees",
    "singleuser.storage.extraVolumes": "volumes",
    "singleuser.storage.extraVolumeMounts": "volume_mounts",
    "singleuser.initContainers": "init_containers",
    "singleuser.extraContainers": "extra_containers",
    "singleuser.extraTolerations": "tolerations",
    "singleuser.extraNodeAffinity.required": "node_affinity_required",
    "singleuser.extraNodeAffinity.preferred": "node_affinity_preferred",
    "singleuser.extraPodAffinity.required": "pod_affinity_required",
    "singleuser.extraPodAffinity.preferred": "pod_affinity_preferred",
    "singleuser.extraPodAntiAffinity.required": "pod_anti_affinity_required",
    "singleuser.extraPodAntiAffinity.preferred": "pod_anti_affinity_preferred",
}
"""Of the class KubeSpawner."""


def get(values: Mapping[str, Any], path: str) -> Any:
    """What stands at `hub.db.type`; None where nothing does, or where it is empty."""
    here: Any = values
    for key in path.split("."):
        here = here.get(key) if isinstance(here, Mapping) else None
    return here


def _stated(values: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for path, trait in names.items():
        # The chart writes "" and null for "not set"; an empty map or list adds nothing.
        if (value := get(values, path)) not in (None, "", {}, []):
            yield trait, value


def hub_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Traits of JupyterHub."""
    return dict(_stated(values, HUB))


def spawner_settings(values: Mapping[str, Any], release: str) -> dict[str, Any]:
    """Traits of KubeSpawner, with what the chart's network policies and people's dashboards find servers by.

    Args:
        release: Helm's name of the release.
    """
    settings = dict(_stated(values, SPAWNER))
    settings["common_labels"] = {
        "app": "jupyterhub",
        "release": release,
        "app.kubernetes.io/name": "jupyterhub",
        "app.kubernetes.io/instance": release,
        "app.kubernetes.io/managed-by": "kubespawner",
        "component": "singleuser-server",
        "app.kubernetes.io/component": "singleuser-server",
    }
    settings["extra_labels"] = {"hub.jupyter.org/network-access-hub": "true", **settings.get("extra_labels", {})}
    settings["environment"] = dict(get(values, "singleuser.extraEnv") or {})
    secrets = [get(values, "imagePullSecret.name"), *(get(values, "imagePullSecrets") or ())]
    settings["image_pull_secrets"] = [secret for secret in secrets if secret]
    if get(values, "scheduling.podPriority.enabled"):
        settings["priority_class_name"] = f"{release}-default-priority"
    return settings


def services(values: Mapping[str, Any], tokens: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """`hub.services`, each with its token."""
    for key, service in (get(values, "hub.services") or {}).items():
        # Zero to JupyterHub's own camelCase key beside JupyterHub's.
        stated = {("api_token" if name == "apiToken" else name): value for name, value in (service or {}).items()}
        name = stated.setdefault("name", key)
        made = {"api_token": tokens[name]} if name in tokens else {}
        yield made | {trait: value for trait, value in stated.items() if value != ""}


def roles(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`hub.loadRoles` as JupyterHub's list."""
    return [{"name": name, **role} for name, role in (get(values, "hub.loadRoles") or {}).items()]
