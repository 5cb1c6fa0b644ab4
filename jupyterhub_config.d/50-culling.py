# Idle servers are stopped by jupyterhub-idle-culler, inside the hub; our arbiter reads what each server's plan said.
from qhub_hub.hub import culling

c.JupyterHub.services.append({"name": culling.NAME, "api_token": culling.token(c.JupyterHub.cookie_secret)})
c.JupyterHub.load_roles.append({"name": culling.NAME, "services": [culling.NAME], "scopes": list(culling.SCOPES)})
# What the proxy saw of somebody must be known before they are called idle.
c.JupyterHub.last_activity_interval = culling.cull_every(site.config)
