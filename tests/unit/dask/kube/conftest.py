"""A cluster of ann's, from the values to what the controller would make of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from dask_gateway_server.utils import FrozenAttrDict

from qhub_hub.config.models import Config
from qhub_hub.dask.kube.cluster_config import PlannedClusterConfig, cluster_config
from qhub_hub.dask.kube.controller import QHubController
from qhub_hub.dask.person import Person
from qhub_hub.identity import Group, Identity
from qhub_hub.sessions import make_cluster_plan, make_plan, parse_cluster_request, parse_request
from qhub_hub.sessions.pod import PodParts, to_pod

PASSWD, GROUP = "ann:x:5001:5001::/home/ann:/bin/bash\n", "data:x:70000:ann\n"
ANN = Identity("ann", "ann", 5001, 5001, (Group("data", "data", 70_000, "data"),), directory="ann-1", home="/home/ann")
SITE = {
    "groups": {"data": {}},
    "nodeGroups": {
        "user": {"cpu": 8, "memory": "32Gi"},
        "gpu": {
            "cpu": 8,
            "memory": "32Gi",
            "gpu": {"count": 2},
            "labels": {"pool": "gpu"},
            "taints": [{"key": "nvidia.com/gpu", "value": "present"}],
        },
        "small": {"cpu": 2, "memory": "4Gi", "labels": {"pool": "small"}},
    },
    "dask": {"scheduler": {"nodeGroup": "small"}},
}


@dataclass
class Made:
    """Both pods of a cluster, and the parts of a server with the same choices."""

    scheduler: dict[str, Any]
    worker: dict[str, Any]
    server: PodParts
    record: dict[str, Any]


@pytest.fixture
def controller() -> QHubController:
    """Of a release that runs nowhere."""
    settings = {"gateway_instance": "qhub-dask-gateway", "namespace": "team", "release": "qhub", "seal_key": "k" * 40}
    made = QHubController(api_url="http://api:8000/api", **settings)
    made.initialize([])
    return made


@pytest.fixture
def cluster(controller: QHubController) -> Callable[..., Made]:
    """A cluster from a profile: `cluster(cpu={"limit": 2}, options={…what a client sends…})`."""

    def build(options: dict[str, Any] | None = None, site: dict[str, Any] | None = None, **profile: Any) -> Made:
        config = Config.model_validate({**SITE, "profiles": {"p": profile}, **(site or {})})
        person = Person(ANN, PASSWD, GROUP, server_running=True)
        plan = make_cluster_plan(config, ANN, parse_cluster_request(options))
        settings = PlannedClusterConfig(
            namespace="team", image="lab:1", **cluster_config(plan, person, config.storage)
        ).to_dict()
        record = json.loads(json.dumps(settings))  # as Kubernetes keeps it
        served = to_pod(make_plan(config, ANN, parse_request({})), storage=config.storage, passwd=PASSWD, group=GROUP)
        scheduler, worker = (
            controller.make_pod("team", "abc", FrozenAttrDict(record), is_worker=is_worker)
            for is_worker in (False, True)
        )
        return Made(scheduler, worker, served, record)

    return build
