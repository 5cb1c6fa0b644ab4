# Addresses, database and proxy of a release on a cluster, and the chart's `jupyterhub` values.
from qhub_hub.hub import chart_values

if cluster:
    c.JupyterHub.update(chart_values.hub_settings(cluster.values))
    c.JupyterHub.hub_bind_url = "http://:8081"
    c.JupyterHub.hub_connect_url = cluster.hub_url
    c.JupyterHub.db_url = cluster.database
    # The database of an older version is copied beside itself, then upgraded.
    c.JupyterHub.upgrade_db = True
    c.JupyterHub.cookie_secret = cluster.secrets.cookie
    # People's servers go on while the hub is exchanged for another one.
    c.JupyterHub.cleanup_servers = False
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = cluster.proxy_api_url
    c.ConfigurableHTTPProxy.auth_token = cluster.secrets.proxy
    c.CryptKeeper.keys = list(cluster.secrets.crypt)
    c.KubeSpawner.namespace = cluster.namespace
    c.KubeSpawner.image = cluster.lab_image
    c.KubeSpawner.update(chart_values.spawner_settings(cluster.values, cluster.release))
    c.JupyterHub.services.extend(chart_values.services(cluster.values, cluster.service_tokens))
    c.JupyterHub.load_roles.extend(chart_values.roles(cluster.values))
