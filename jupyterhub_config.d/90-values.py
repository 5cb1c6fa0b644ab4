# Last, so that an administrator's `jupyterhub.hub.config` and `hub.extraConfig` win.
from qhub_hub.hub.wiring import apply_hub_values

apply_hub_values(c, site.live.current.jupyterhub.get("hub") or {})
