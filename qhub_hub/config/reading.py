"""From a file to a tree: what can go wrong with the file itself."""

import os
import re
from typing import Any

import yaml

from qhub_hub.config.building import Builder, Refused
from qhub_hub.config.problems import ConfigError, Position, Problem
from qhub_hub.config.syntax import syntax_problem
from qhub_hub.config.tree import Tree

LARGEST = 4 * 2**20
"""Bytes of one file. 10,000 users with ids, names and groups take 1.1 MiB; a Kubernetes Secret holds 1 MiB."""

# The C parser where PyYAML was built with it (its wheels are): ten times as fast. Both follow the same grammar.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: str | os.PathLike[str]) -> Tree:
    """The top-level map of a values file; an empty file is an empty map.

    Raises:
        ConfigError: the file is missing, no UTF-8, too large, no YAML, or means different things to different readers.
    """
    name = os.fspath(path)
    return parse(_read_text(name), name)


def parse(text: str, name: str) -> Tree:
    """The same for text.

    Args:
        name: what error messages call the file.
    """
    builder = Builder(name)
    try:
        if directive := re.match(r"(?:\s*(?:#.*)?\n)*%", text):
            builder.refuse(
                text.count("\n", 0, directive.end()) + 1,
                "directives such as %YAML are not the same to all YAML readers; remove the line",
            )
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        builder.problems.append(syntax_problem(error, text, name))
    except Refused as refusal:
        builder.problems.append(refusal.problem)
    if builder.problems:
        raise ConfigError(builder.problems)
    return builder.document or Tree({}, Position(name, 1))


def _read_text(name: str) -> str:
    def refusal(message: str) -> ConfigError:
        return ConfigError([Problem(Position(name, 0), (), message)])

    try:
        with open(name, "rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise refusal("there is no such file") from None
    except IsADirectoryError:
        raise refusal("this is a directory; name the values file in it") from None
    except PermissionError:
        raise refusal("this file may not be read by the current user; change its mode or owner") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not one"
        raise refusal(f"this file cannot be read ({reason})") from None
    if len(content) > LARGEST:
        raise refusal(
            f"the file is larger than {LARGEST >> 20} MiB; a values file is far smaller (a cluster keeps 1 MiB at most)"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(Position(name, line), (), "the file is not UTF-8 text; save it as UTF-8")]) from None
