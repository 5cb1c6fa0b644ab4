# Idle servers are stopped by jupyterhub-idle-culler; the arbiter reads what each server's plan said.
import os
import sys

from qhub_hub.hub import culling

if site.config.culling.enabled:
    c.JupyterHub.services.append(
        {
            "name": "culler",
            "command": [
                *(sys.executable, "-m", "jupyterhub_idle_culler"),
                f"--config={os.path.join(os.path.dirname(culling.__file__), 'idle_culler_config.py')}",
                "--log-level=ERROR",  # what it stops is in the hub's log
                f"--timeout={site.config.culling.idle}",
                f"--cull-every={culling.cull_every(site.config)}",
            ],
            # Not as root: it needs nothing but the hub's API.
            **({"user": "nobody"} if machine and os.geteuid() == 0 else {}),
        }
    )
    c.JupyterHub.load_roles.append({"name": "culler", "services": ["culler"], "scopes": list(culling.SCOPES)})
