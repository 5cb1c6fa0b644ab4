# Last, so that an administrator's `hub.config`, own files and `hub.extraConfig` win, in that order.
from qhub_hub.hub.wiring import apply_hub_config, hub_config, run_config_d, run_extra_config

values = cluster.values if cluster else site.live.current.jupyterhub
hub_values = values.get("hub") or {}
if "authenticator_class" in hub_config(hub_values).get("JupyterHub", {}):
    # The default administrator exists only where QHub gives out the password.
    c.Authenticator.admin_users = set(site.declared_admins)
    c.JupyterHub.template_vars["login_hint"] = ""  # it tells where that password is
apply_hub_config(c, hub_values)
if cluster:
    run_config_d([cluster.config_d], c, site, cluster)
run_extra_config(c, hub_values)
