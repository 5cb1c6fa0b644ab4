"""YAML's syntax errors in words that say what to do."""

import yaml

from qhub_hub.config.problems import Position, Problem


def syntax_problem(error: yaml.YAMLError, text: str, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # ReaderError: a character that YAML does not allow
        before = getattr(error, "position", 0)
        line = text.encode()[: before or 0].count(b"\n") + 1
        return Problem(Position(name, line), (), "the file contains a control character, which YAML does not allow")
    found = str(getattr(error, "problem", ""))
    lines = text.splitlines() or [""]
    content = lines[min(mark.line, len(lines) - 1)]
    if "cannot start any token" in found and "\t" in content:
        message = "a tab is used where YAML expects spaces; indent with spaces"
    elif "cannot start any token" in found:
        message = f"a value cannot begin with {content[mark.column : mark.column + 1]!r}; quote the value"
    elif "mapping values are not allowed" in found:
        message = 'a second ": " stands in this line, or the indentation is wrong; quote values that contain ": "'
    elif "undefined alias" in found:
        message = "an alias (*name) refers to an anchor (&name) that no earlier line defines"
    elif "block end" in found or "block mapping" in found:
        message = "the indentation does not match the lines above, or a quote or bracket is missing"
    elif "quoted scalar" in str(getattr(error, "context", "")):
        message = "a quoted value is not closed, or holds an unknown escape"
    elif "flow" in str(getattr(error, "context", "")):
        message = "a bracket or brace is not closed, or a comma is missing or doubled"
    else:
        message = "this is not YAML, here or just above; look at indentation, colons and quotes"
    return Problem(Position(name, min(mark.line, len(lines) - 1) + 1), (), message)
