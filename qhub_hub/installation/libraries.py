"""System libraries that QHub uses where they are installed."""

import sysconfig
from pathlib import Path


def find_nss_wrapper() -> Path | None:
    """Where the distribution keeps libnss_wrapper; None: not installed."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or "none"
    for folder in (f"/usr/lib/{multiarch}", f"/lib/{multiarch}", "/usr/lib64", "/usr/lib", "/usr/local/lib"):
        if (path := Path(folder, "libnss_wrapper.so")).is_file():
            return path
    return None
