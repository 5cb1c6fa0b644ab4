"""Configuration that the culler's own process reads."""

from qhub_hub.hub.culling import arbiter

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - given by traitlets
c.IdleCuller.cull_arbiter_hook = arbiter
