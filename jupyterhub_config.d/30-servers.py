# Every server goes through a plan; named servers are allowed because limits count them.
c.JupyterHub.spawner_class = "qhub-local" if site.machine else "qhub"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = 5
c.JupyterHub.implicit_spawn_seconds = 0
c.Spawner.default_url = "/lab"
# A pod may wait for a node that is just being started.
c.Spawner.start_timeout = 60 if site.machine else 600
c.Spawner.http_timeout = 30
