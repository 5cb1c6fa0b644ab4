# conda-store as a service of the hub, where `qhub.environments.provider` names it.
from qhub_hub.hub import conda_store
from qhub_hub.hub.service_api import open_to_users

store = conda_store.service_of(deployment)
if store:
    c.JupyterHub.services.append(store.entry)
    c.Proxy.extra_routes.update({store.route: store.url})
    c.JupyterHub.custom_scopes.update(conda_store.SCOPES)
    c.JupyterHub.load_roles.append(
        {"name": conda_store.NAME, "services": [conda_store.NAME], "scopes": [*conda_store.SCOPES]}
    )
    # As a list: until now they may be no more than a note of what to append.
    c.JupyterHub.load_roles = open_to_users(c.JupyterHub.load_roles, conda_store.ACCESS)
    c.JupyterHub.extra_handlers.extend(conda_store.handlers())
    c.JupyterHub.template_vars["environments_page"] = store.route
    # JupyterLab's launcher and File menu lead there, too.
    for spawner in (c.Spawner, c.KubeSpawner) if cluster else (c.Spawner,):
        spawner.environment.update({"QHUB_ENVIRONMENTS_PAGE": store.route})
