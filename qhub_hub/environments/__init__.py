"""What you run: environments by namespace, their manifests, and the provider that builds declared ones.

Exported is what readers need, servers among them: the parts that build are imported by name where they are used.
"""

from qhub_hub.environments.catalogue import KnownEnvironments, Manifests
from qhub_hub.environments.manifest import (
    FAILED,
    MANIFEST,
    READY,
    Catalogue,
    Environment,
    Kernel,
    ManifestError,
    read_manifest,
    write_manifest,
)
from qhub_hub.environments.namespaces import GLOBAL, group_namespace, is_personal, user_namespace

__all__ = [
    "FAILED",
    "GLOBAL",
    "MANIFEST",
    "READY",
    "Catalogue",
    "Environment",
    "Kernel",
    "KnownEnvironments",
    "ManifestError",
    "Manifests",
    "group_namespace",
    "is_personal",
    "read_manifest",
    "user_namespace",
    "write_manifest",
]
