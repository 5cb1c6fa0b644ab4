"""The values file's `qhub:` section as frozen models, a file per part."""

from qhub_hub.config.models.site import Config

__all__ = ["Config"]
