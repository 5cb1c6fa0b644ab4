"""Where people's files are: the tree of the share, and the only code that writes to it with root's rights."""

from qhub_hub.storage.errors import OwnerMismatch, StorageError, UnsafePath
from qhub_hub.storage.layout import (
    Directory,
    directories,
    group_directory,
    home_path,
    namespace_directory,
    shared_path,
)
from qhub_hub.storage.provisioner import Outcome, Provisioner
from qhub_hub.storage.realm import claim_realm, read_realm

__all__ = [
    "Directory",
    "Outcome",
    "OwnerMismatch",
    "Provisioner",
    "StorageError",
    "UnsafePath",
    "claim_realm",
    "directories",
    "group_directory",
    "home_path",
    "namespace_directory",
    "read_realm",
    "shared_path",
]
