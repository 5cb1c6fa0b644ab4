# One machine: JupyterHub's shared password. `jupyterhub.hub.config` in the values file can choose any other way.
from qhub_hub.hub.sign_in.one_machine import OneMachineAuthenticator

if machine:
    c.JupyterHub.authenticator_class = OneMachineAuthenticator
    c.SharedPasswordAuthenticator.user_password = machine.secrets["password"]
    c.SharedPasswordAuthenticator.admin_password = machine.secrets["admin-password"]
    c.Authenticator.any_allow_config = True  # the values file is asked, see OneMachineAuthenticator.check_allowed
    # Known already when the hub decides who is an administrator at its start; later changes are followed live.
    c.Authenticator.admin_users = set(site.admins)
