# Who says that people are who they say: `qhub.signIn`. `jupyterhub.hub.config` in the values file still wins.
from qhub_hub.hub.revocation import announcement
from qhub_hub.hub.sign_in import configure

if site.config.sign_in.provider != "shared-password":
    c.JupyterHub.template_vars["login_hint"] = ""  # it tells where the shared password is
configure(c, site, deployment)
# On every page, for whoever's server was stopped because they may no longer have it.
c.JupyterHub.template_vars["announcement"] = announcement
