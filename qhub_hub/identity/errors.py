"""What can go wrong with identities. `str()` of each is a sentence that an administrator can act on."""

from qhub_hub.config.names import InvalidName


class IdentityError(Exception):
    """Nobody was given an id, and nobody's id was changed."""


class UnusableName(IdentityError, InvalidName):
    """A name that can't be a Linux user or group here, such as `root`."""


class UnknownName(IdentityError, LookupError):
    """No such user or group was ever given an id."""


class IdConflict(IdentityError):
    """Two owners for one number or one name, or two numbers for one owner. The sentence names both."""


class RangeExhausted(IdentityError):
    """A pool of numbers is used up."""


class RealmMismatch(IdentityError):
    """Ids of another installation: the same number means another person there."""


class HighWaterMismatch(IdentityError):
    """The identity database forgot ids that were given out: an old backup, or another database."""


class StoreUnavailable(IdentityError):
    """The identity database can't be opened, read or written. Nobody falls back to a shared id."""


class RenderError(IdentityError):
    """A passwd or group file that would be read differently from what was meant, so it is not written."""


class NamesUnavailable(IdentityError):
    """libnss_wrapper is missing, or it refused the files."""
