# Last, so that an administrator's `jupyterhub.hub.config` and `hub.extraConfig` win.
from qhub_hub.hub.wiring import apply_hub_values, hub_config

hub_values = site.live.current.jupyterhub.get("hub") or {}
if "authenticator_class" in hub_config(hub_values).get("JupyterHub", {}):
    # The default administrator exists only where QHub gives out the password.
    c.Authenticator.admin_users = set(site.declared_admins)
    c.JupyterHub.template_vars["login_hint"] = ""  # it tells where that password is
apply_hub_values(c, hub_values)
