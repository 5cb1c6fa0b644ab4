# conda-store as a service of the hub, on one machine, where `qhub.environments.provider` names it.
if machine and machine.conda_store_port:
    from qhub_hub.hub import conda_store
    from qhub_hub.hub.service_api import open_to_users

    c.JupyterHub.services.append(conda_store.service(machine))
    c.Proxy.extra_routes.update({conda_store.ROUTE: f"http://127.0.0.1:{machine.conda_store_port}"})
    c.JupyterHub.custom_scopes.update(conda_store.SCOPES)
    role = {"name": conda_store.NAME, "services": [conda_store.NAME], "scopes": [*conda_store.SCOPES]}
    c.JupyterHub.load_roles = open_to_users([*c.JupyterHub.load_roles, role], conda_store.ACCESS)
    c.JupyterHub.extra_handlers.extend(conda_store.handlers())
    c.JupyterHub.template_vars["environments_page"] = conda_store.ROUTE
