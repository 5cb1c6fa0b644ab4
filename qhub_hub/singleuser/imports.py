"""What importing JupyterLab does without need, left out."""

from qhub_hub.installation.imports import skip_slow_imports


def skip_wasted_work() -> None:
    """Make the imports that follow start no program and build no grammar."""
    skip_slow_imports()
    from jupyterlab import commands

    # JupyterLab 4.6 starts Node whenever its application is imported, to ask yarn for a registry that only
    # `jupyter lab build` uses (0.15 s). This is its own answer on machines without Node.
    commands._yarn_config = _no_yarn_settings


def _no_yarn_settings(logger: object) -> dict[str, dict[str, str]]:
    return {"yarn config": {}, "npm config": {}}
