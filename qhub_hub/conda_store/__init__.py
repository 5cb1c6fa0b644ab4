"""QHub's part of conda-store: who asks, what they may have, and how its builds become manifests.

Some of it runs inside conda-store's own processes, with their Python: configuration, authentication, guard, rights,
orders, rules, storage, lock, interrupted. The rest runs in QHub's, and names and settings in both.
"""

from qhub_hub.conda_store.names import is_slug
from qhub_hub.conda_store.settings import Settings, Values, values_of
from qhub_hub.environments.conda_store import SERVICE

__all__ = ["SERVICE", "Settings", "Values", "is_slug", "values_of"]
