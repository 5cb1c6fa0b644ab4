# The site (values, ids, folders) is where spawners and pages find it: in the application's settings.
from qhub_hub.hub import usage_page
from qhub_hub.hub.handlers import handlers, template_variables
from qhub_hub.hub.spawn_page import logo, template_folder
from qhub_hub.hub.usage import UsageRecord

c.JupyterHub.tornado_settings = {"qhub": site}
if machine:
    c.JupyterHub.tornado_settings["qhub_usage"] = UsageRecord(machine.database.replace("hub.sqlite", "usage.sqlite"))
c.JupyterHub.template_paths = [str(template_folder())]
c.JupyterHub.logo_file = str(logo())
c.JupyterHub.template_vars = template_variables(site, machine.login_hint if machine else "")
c.JupyterHub.template_vars["has_usage_page"] = bool(machine)
c.JupyterHub.extra_handlers = [*handlers(), *(usage_page.handlers() if machine else ())]
