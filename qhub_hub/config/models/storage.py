"""Where files are: homes and shared folders."""

from typing import Annotated, Literal

from pydantic import Field

from qhub_hub.config.models.base import Model

MountPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]+$", max_length=200, examples=["/home"])]


ObjectName = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$", max_length=253)]

SHARE = "qhub-share"
"""The claim that the chart makes."""


class Claim(Model):
    """On a cluster: the volume that holds all homes, group folders and environments."""

    existing: ObjectName = ""
    """A claim of the namespace to use; empty: the chart makes `qhub-share`."""

    size: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$", examples=["500Gi"])] = "100Gi"
    """How much of it to ask for. Most classes let it grow later, none lets it shrink."""

    class_name: ObjectName = ""
    """The storage class; empty: the cluster's default one."""

    access_mode: Literal["ReadWriteMany", "ReadWriteOnce"] = "ReadWriteMany"
    """`ReadWriteOnce` where all servers run on one node; across nodes the class must offer `ReadWriteMany`."""

    @property
    def name(self) -> str:
        """The claim that pods mount."""
        return self.existing or SHARE


class Storage(Model):
    """Homes and shared folders. On a single machine they lie in the state folder; on a cluster, on one volume."""

    home: MountPath = "/home"
    """On a cluster: people's homes appear below this path."""

    shared: MountPath = "/shared"
    """On a cluster: group folders appear below this path."""

    claim: Claim = Claim()
    """On a cluster: the volume that holds them all."""

    strict_groups: bool = False
    """On a cluster: whether groups that an image's own `/etc/group` names stay outside (Kubernetes'
    `supplementalGroupsPolicy: Strict`). Nodes need containerd 2 or CRI-O 1.31: older ones refuse such pods."""
