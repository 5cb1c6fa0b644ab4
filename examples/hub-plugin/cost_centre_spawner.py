"""KubeSpawner whose pods carry the cost centre that pays for them, for whoever adds up the bill."""

from typing import Any

from jupyterhub.spawner import SpawnException
from kubespawner import KubeSpawner
from traitlets import Dict, Unicode

LABEL = "example.org/cost-centre"


class CostCentreSpawner(KubeSpawner):
    """Labels every pod with the cost centre of the first group of its owner that has one."""

    cost_centres = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        config=True,
        help="Cost centre of each group, such as {'physics': 'cc-4711'}.",
    )

    async def get_pod_manifest(self) -> Any:
        """The pod, labelled; refused where nobody pays."""
        groups = sorted(group.name for group in self.user.groups)
        paying = [self.cost_centres[group] for group in groups if group in self.cost_centres]
        if not paying:
            raise SpawnException(
                f"No cost centre pays for {self.user.name}. Ask an administrator to add you to a group that has one.",
                reason="no-cost-centre",
                status_code=403,
            )
        pod = await super().get_pod_manifest()
        pod.metadata.labels[LABEL] = paying[0]
        return pod
