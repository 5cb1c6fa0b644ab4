"""QHub's conda command for conda-store: it installs with py-rattler.

PyPI has conda-store-server, but not conda, which that imports and calls. So that it can be installed from PyPI alone,
`python -m qhub_hub.conda_store.rattler` is as much of the command as conda-store and conda-lock call, and the folder
`python` has as much of the package as conda-store imports. Neither is conda: nobody else should use them.
"""

REFUSED = "qhub-conda: Refused: "
"""Begins the line that says why the command installs nothing."""
