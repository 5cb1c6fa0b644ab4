"""What was asked for, read strictly: the same four names by REST, by a stored choice and by the form."""

from collections.abc import Mapping
from dataclasses import dataclass

from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.wording import listed, quoted

OPTIONS = ("image", "size", "environment")
NAMES = ("profile", *OPTIONS)
LONGEST = 253  # characters of one value: no key or environment name of the values file is longer


@dataclass(frozen=True, slots=True)
class Request:
    """Choices as text, not yet compared with what is offered. Empty: not chosen, the default is meant.

    Args:
        profile, image, size: keys of the values file.
        environment: `<namespace>/<name>`.
        server: name of a named server; empty: the default one.
    """

    profile: str = ""
    image: str = ""
    size: str = ""
    environment: str = ""
    server: str = ""


def parse_request(options: object, server: str = "") -> Request:
    """Read `user_options`, whoever wrote them: a REST call, a PATCH, the database or the form parser.

    Args:
        options: a map of `profile`, `image`, `size`, `environment` to text; None or {}: the default choice.
        server: name of a named server.

    Raises:
        Rejected: reason `options`; not a map, an unknown name, a value that is not text or is too long.
    """
    if options is None:
        options = {}
    if not isinstance(options, Mapping):
        raise Rejected("options", f"The options must be a map of names to text; found {quoted(options)}.")
    for name, value in options.items():
        if name not in NAMES:
            raise Rejected(
                "options",
                f"There is no option {quoted(name)}. Allowed are {listed(NAMES)}.",
            )
        _check_text(name, value)
    return Request(**options, server=server)


def parse_form(form: Mapping[str, object]) -> dict[str, str]:
    """Read the posted spawn form into `user_options`.

    The options of every card are in the form, so that it works without JavaScript: their fields are named
    `image:<profile>`, `size:<profile>` and `environment:<profile>`, and only the chosen profile's count.

    Args:
        form: field names to lists of one text each, as JupyterHub hands them over. Empty text: not chosen.

    Returns:
        The choices that were made; {} for a form without any, which means the default choice.

    Raises:
        Rejected: reason `options`; an unknown field, a field sent twice, a value that is not text or is too
            long, or choices without a profile.
    """
    fields = {name: _only_value(name, values) for name, values in form.items() if name != "_xsrf"}
    for field in fields:
        name, colon, _ = field.partition(":") if isinstance(field, str) else ("", "", "")
        if field != "profile" and not (colon and name in OPTIONS):
            raise Rejected("options", f"The form has no field {quoted(field)}. Load the page again.")
    profile = fields.pop("profile", "")
    if not profile and any(fields.values()):
        raise Rejected("options", "No profile was chosen. Choose a card and start again.")
    chosen = {"profile": profile}
    chosen |= {name: fields.get(f"{name}:{profile}", "") for name in OPTIONS}
    return {name: value for name, value in chosen.items() if value}


def parse_query(query: Mapping[str, object]) -> dict[str, str]:
    """Read the options of a link (`/hub/spawn?opt-profile=small&opt-size=large`) into `user_options`.

    Args:
        query: the four names to lists of one text each. Empty text: not chosen.

    Raises:
        Rejected: reason `options`; an unknown name, one given twice, a value that is not text or is too long.
    """
    options = {name: _only_value(name, values) for name, values in query.items()}
    parse_request(options)
    return {name: value for name, value in options.items() if value}


def _only_value(name: object, values: object) -> str:
    if not isinstance(values, list | tuple) or len(values) != 1:
        raise Rejected("options", f"The field {quoted(name)} must be sent exactly once; found {quoted(values)}.")
    value = values[0]
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise Rejected("options", f"The field {quoted(name)} is not UTF-8: {quoted(value)}.") from None
    return _check_text(name, value)


def _check_text(name: object, value: object) -> str:
    if not isinstance(value, str):
        raise Rejected("options", f"The value of {quoted(name)} must be text; found {quoted(value)}.")
    if len(value) > LONGEST:
        raise Rejected(
            "options",
            f"The value of {quoted(name)} has {len(value)} characters, at most {LONGEST} are allowed; "
            f"found {quoted(value)}.",
        )
    return value
