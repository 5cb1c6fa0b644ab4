"""QHub: a team's own data-science platform, as a JupyterHub distribution."""

__version__ = "0.1.0.dev0"
