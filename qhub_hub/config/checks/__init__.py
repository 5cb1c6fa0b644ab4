"""What one model alone cannot see: references, ids, sizes. Pure, over a whole Config."""

from collections.abc import Iterator

from qhub_hub.config.checks.dask import check_dask
from qhub_hub.config.checks.ids import check_ids
from qhub_hub.config.checks.keys import check_keys
from qhub_hub.config.checks.memberships import check_memberships
from qhub_hub.config.checks.placement import check_placement, misfits
from qhub_hub.config.checks.references import check_references, without_profile
from qhub_hub.config.checks.variables import check_variables
from qhub_hub.config.models import Config
from qhub_hub.config.validation import Finding

__all__ = ["check", "misfits", "warn"]


def check(config: Config) -> Iterator[Finding]:
    """Everything that is wrong between the parts of a Config."""
    yield from check_keys(config)
    yield from check_ids(config)
    yield from check_references(config)
    yield from check_memberships(config)
    yield from check_placement(config)
    yield from misfits(config)
    yield from check_variables(config)
    yield from check_dask(config)


def warn(config: Config) -> Iterator[Finding]:
    """What is allowed but probably not meant."""
    yield from without_profile(config)
