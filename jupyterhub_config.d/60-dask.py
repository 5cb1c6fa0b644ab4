# Dask-Gateway as a service of the hub: on one machine always, on a cluster where the release has one.
from qhub_hub.hub import dask
from qhub_hub.hub.dask_usage import ClusterRuns
from qhub_hub.hub.service_api import open_to_users

gateway = dask.gateway_of(deployment)
if gateway:
    c.JupyterHub.services.append(gateway.service)
    c.Proxy.extra_routes.update({gateway.route: gateway.url})
    c.JupyterHub.custom_scopes.update(dask.SCOPES)
    c.JupyterHub.load_roles.append({"name": dask.NAME, "services": [dask.NAME], "scopes": [*dask.SCOPES]})
    # As a list: until now they may be no more than a note of what to append.
    c.JupyterHub.load_roles = open_to_users(c.JupyterHub.load_roles, dask.ACCESS)
    c.JupyterHub.extra_handlers.extend(dask.handlers())
    c.JupyterHub.tornado_settings["qhub_cluster_runs"] = ClusterRuns(c.JupyterHub.tornado_settings["qhub_usage"])
    c.Spawner.server_token_scopes = list(dask.SERVER_SCOPES)
    c.Spawner.environment.update(gateway.variables)
    if cluster:
        # The chart's values set KubeSpawner's own environment, which hides the other's, and it fills braces in.
        braced = {name: value.replace("{", "{{").replace("}", "}}") for name, value in gateway.variables.items()}
        c.KubeSpawner.environment.update(braced)
