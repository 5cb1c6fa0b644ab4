"""As much of the package `conda` as conda-store-server 2025.2.2 imports. PyPI has none that could be installed.

For tests only: with QHub itself people install conda-store from conda-forge, with the real one.
"""

__version__ = "24.11.0"
