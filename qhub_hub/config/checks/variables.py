"""Environment variables of profiles: legal names, and none that takes a server out of QHub's hands."""

import re
from collections.abc import Iterator

from qhub_hub.config.models import Config
from qhub_hub.config.validation import Finding

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

REFUSED = {
    r"LD_.*": "the dynamic loader obeys it in every program of the server",
    r"(BASH_ENV|ENV|PYTHONSTARTUP|PYTHONPATH|PYTHONHOME)": "it runs or replaces code in every shell or Python",
    r"(JUPYTERHUB_.*|JPY_.*|JUPYTER_CONFIG_.*|CONFIGPROXY_.*)": "JupyterHub sets it, and the server trusts it",
    r"(NSS_WRAPPER_.*|HOME|USER|LOGNAME|UID|SHELL)": "it says who the person is, which comes from qhub.users",
    r"PATH": "QHub sets it from the environment that was chosen",
    r"QHUB_.*": "QHub uses it itself",
}
"""Names that a profile may not set (regular expressions), and why."""


def check_variables(config: Config) -> Iterator[Finding]:
    """Names that are illegal or refused, and values that no process can have."""
    for profile_name, profile in config.profiles.items():
        for name, value in profile.env.items():
            path = ("profiles", profile_name, "env", name)
            if not _NAME.fullmatch(name):
                yield Finding(
                    path,
                    "not the name of an environment variable; allowed are letters, digits and _, no digit first",
                    at_key=True,
                )
            for pattern, reason in REFUSED.items():
                if re.fullmatch(pattern, name):
                    yield Finding(path, f"this variable may not be set: {reason}", at_key=True)
            if "\0" in value:
                yield Finding(path, "the value holds a NUL character, which no environment variable can")
