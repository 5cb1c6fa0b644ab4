# The site (values, ids, folders) is where spawners and pages find it: in the application's settings.
from qhub_hub.hub import usage_page
from qhub_hub.hub.handlers import handlers, template_variables
from qhub_hub.hub.spawn_page import logo, template_folder
from qhub_hub.hub.usage import UsageRecord

# Somebody else's deployment may have set some of these already.
c.JupyterHub.setdefault("tornado_settings", {})["qhub"] = site
c.JupyterHub.setdefault("template_vars", {}).update(
    template_variables(site, deployment.login_hint if deployment else ""), has_usage_page=bool(deployment)
)
c.JupyterHub.setdefault("template_paths", []).insert(0, str(template_folder()))
c.JupyterHub.logo_file = str(logo())
c.JupyterHub.extra_handlers.extend(handlers())
if deployment:
    c.JupyterHub.tornado_settings["qhub_usage"] = UsageRecord(deployment.usage)
    c.JupyterHub.extra_handlers.extend(usage_page.handlers())
