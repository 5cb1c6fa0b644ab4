"""What runs inside a person's server: `python -m qhub_hub.singleuser [jupyter arguments]`.

It sets the person's environment right and becomes JupyterHub's single-user server with JupyterLab. Nothing is
exported and nothing imported here: every part of it costs every start.
"""

__all__: list[str] = []
