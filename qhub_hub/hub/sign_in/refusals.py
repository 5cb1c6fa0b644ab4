"""Why somebody is not let in, or no longer: each a sentence for that person, with its HTTP status."""

from tornado import web


class SignInRefused(Exception):
    """Somebody is not let in.

    Args:
        message: a sentence for the person. Holds no token and no text that somebody else chose.
    """

    status = 403
    final = True
    """Whether the answer stands: servers of this person end. Otherwise nothing is known, and what runs goes on."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def http(self) -> web.HTTPError:
        """The same for a page."""
        # As an argument, because a % in a sentence is not a placeholder.
        error = web.HTTPError(self.status, "%s", self.message)
        error.jupyterhub_message = self.message  # type: ignore[attr-defined]
        return error


class NotAdmitted(SignInRefused):
    """The provider knows this person, but the values file does not let them in."""


class SignedOut(SignInRefused):
    """The provider no longer vouches for this person."""


class BadAnswer(SignInRefused):
    """The provider's answer does not say what it must, or can't be trusted."""


class Unusable(SignInRefused):
    """The provider's answer is no answer at all, as of a server under repair."""

    final = False


class Expired(SignInRefused):
    """The provider's word is too old and there is nothing to ask it again with."""

    final = False


class ProviderUnavailable(SignInRefused):
    """The provider does not answer."""

    status = 503
    final = False


class SettingsError(Exception):
    """Sign-in can't be set up; `str()` is a sentence for whoever starts the hub."""
