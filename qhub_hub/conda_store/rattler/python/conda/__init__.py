"""As much of the package `conda` as conda-store-server 2025.2.2 imports: see `qhub_hub.conda_store.rattler`.

It is read by conda-store's own Python, so it needs the standard library only.
"""

__version__ = "24.11.0"
