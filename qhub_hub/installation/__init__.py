"""Files that lie beside the package in a checkout and inside it in a wheel: wiring and default values."""

from pathlib import Path

_INSIDE = Path(__file__).parent
_BESIDE = _INSIDE.parent.parent


def packaged(name: str) -> Path:
    """Path of `proxy`, `jupyterhub_config.d` or `helm/values.yaml`, wherever this installation keeps it.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for root in (_INSIDE, _BESIDE):
        if (path := root / name).exists():
            return path
    raise FileNotFoundError(f"{name} is missing from this installation of qhub-hub; install it again")
