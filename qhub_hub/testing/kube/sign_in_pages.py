"""Sign-in pages as a person meets them: finds the form, or the way to the provider that has one."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_TYPED = ("text", "email", "")  # kinds of fields that a name is typed into


@dataclass
class Form:
    """A form with a password field.

    Args:
        action: address that it is sent to, from the page's own; empty: the page's own.
        sent: fields that are sent as they are.
    """

    action: str = ""
    sent: dict[str, str] = field(default_factory=dict)
    name: str = ""
    password: str = ""

    def filled(self, name: str, password: str) -> dict[str, str]:
        """What is sent once somebody has typed their name and password."""
        return {**self.sent, self.name: name, self.password: password}


class SignInPage(HTMLParser):
    """What a page offers to whoever wants in.

    Attributes:
        form: the first form with a password field.
        provider: address behind "Sign in with …".
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.form: Form | None = None
        self.provider: str | None = None
        self._open: Form | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser.handle_starttag`."""
        said = {key: value or "" for key, value in attrs}
        if tag == "form":
            self._open = Form(said.get("action", ""))
        elif tag == "input" and self._open is not None and said.get("name"):
            self._field(self._open, said["name"], said.get("type", ""), said.get("value", ""))
        elif tag == "a" and "oauth_login" in said.get("href", ""):
            self.provider = self.provider or said["href"]

    def _field(self, form: Form, name: str, kind: str, value: str) -> None:
        if kind == "password":
            form.password = form.password or name
        elif kind in _TYPED and not form.name:
            form.name = name
        elif kind == "hidden":
            form.sent[name] = value

    def handle_endtag(self, tag: str) -> None:
        """See `HTMLParser.handle_endtag`."""
        if tag == "form" and self._open is not None:
            if self._open.password and self.form is None:
                self.form = self._open
            self._open = None
