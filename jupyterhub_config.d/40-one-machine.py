# Addresses, database and proxy of one machine: everything on the loopback address.
if machine:
    c.JupyterHub.bind_url = machine.address
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{machine.hub_port}"
    c.JupyterHub.db_url = machine.database
    # The database of an older version is copied beside itself, then upgraded.
    c.JupyterHub.upgrade_db = True
    c.JupyterHub.cookie_secret = machine.secrets.cookie
    c.JupyterHub.cleanup_servers = True
    c.ConfigurableHTTPProxy.command = list(machine.proxy_command)
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{machine.proxy_api_port}"
    c.ConfigurableHTTPProxy.log_level = "warn"
    c.ConfigurableHTTPProxy.auth_token = machine.secrets.proxy
    c.ConfigurableHTTPProxy.pid_file = str(machine.runtime / "proxy.pid")
