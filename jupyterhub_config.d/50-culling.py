# Idle servers are stopped by jupyterhub-idle-culler; our arbiter reads what each server's plan said.
# It runs also where culling is off: the values may turn it on while the hub runs.
import os
import sys

from qhub_hub.hub import culling
from qhub_hub.hub.processes import MARK

interval = culling.cull_every(site.config)
c.JupyterHub.services.append(
    {
        "name": "culler",
        "command": [
            # -P: nothing is imported from the folder that the hub happens to run in.
            *(sys.executable, "-P", "-m", "qhub_hub.hub.culler"),
            f"--timeout={culling.fallback(site.config)}",
            f"--cull-every={interval}",
        ],
        "cwd": "/",
        # Not as root: it needs nothing but the hub's API.
        **({"user": "nobody"} if machine and os.geteuid() == 0 else {}),
        # So that the next start finds it when the hub is killed.
        **({"environment": {MARK: f"{site.machine.mark}/culler"}} if site.machine else {}),
    }
)
c.JupyterHub.load_roles.append({"name": "culler", "services": ["culler"], "scopes": list(culling.SCOPES)})
# What the proxy saw of somebody must be known before they are called idle.
c.JupyterHub.last_activity_interval = interval
