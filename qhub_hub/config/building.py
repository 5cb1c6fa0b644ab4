"""From parser events to a tree, refusing what Helm, Terraform and others would not all read alike."""

from dataclasses import dataclass, field

import yaml

from qhub_hub.config.problems import Path, Position, Problem, is_secret
from qhub_hub.config.scalars import Ambiguous, Scalar, quoted, resolve
from qhub_hub.config.tree import Tree

DEEPEST = 64
"""Nested maps and lists. Also keeps libyaml, whose scanner is quadratic in the depth, from working for minutes."""

_MOST_ALIASED = 300_000
"""Values that aliases may stand for, together. Below what Helm's reader refuses (go-yaml allows 400,000)."""


class Refused(Exception):
    """Reading cannot go on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


@dataclass(slots=True)
class _Open:
    """A map or list whose end has not been read."""

    tree: Tree
    anchor: str | None
    key: str | None = None  # of a map: the key whose value comes next
    key_line: int = 0
    merged: Tree | None = None  # of a map: what `<<` stands for
    size: int = 1  # values in it, aliases counted as what they stand for


@dataclass(slots=True)
class Builder:
    """Builds the tree from parser events, without recursion: a file must not be able to exhaust the stack."""

    name: str
    document: Tree | None = None
    problems: list[Problem] = field(default_factory=list)
    _stack: list[_Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Tree, int]] = field(default_factory=dict)
    _documents: int = 0
    _own: int = 0
    _aliased: int = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self.stop(line, "a second document begins here (---); a values file holds one")
        elif isinstance(event, yaml.StreamEndEvent):
            self._check_proportion()

    def refuse(self, line: int, message: str, path: Path = ()) -> None:
        self.problems.append(Problem(Position(self.name, line), path, message))

    def stop(self, line: int, message: str) -> None:
        raise Refused(Problem(Position(self.name, line), self._path(), message))

    def _path(self) -> Path:
        parts = (len(frame.tree.value) if isinstance(frame.tree.value, list) else frame.key for frame in self._stack)
        return tuple(part for part in parts if part is not None)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._own += 1
        unquoted = bool(event.implicit[0]) and event.tag is None
        if event.tag is not None:
            self._refuse_tag(event.tag, line)
        if event.style in ("|", ">") and not self._is_text(event.value):
            # go-cty-yaml 1.1.0 resolves blocks as if they were unquoted: 0644 becomes "644", yes becomes "true".
            self.refuse(line, "Terraform changes this text in a | or > block; write it in quotes instead", self._path())
        if self._expects_key():
            self._key(event.value, unquoted, line)
            return
        value: Scalar = event.value
        if unquoted:
            try:
                value = resolve(event.value)
            except Ambiguous as reason:
                path = self._path()
                self.refuse(line, "this value needs quotes" if is_secret(path) else f"{event.value} {reason}", path)
        self._add(Tree(value, Position(self.name, line)), line, event.anchor, 1)

    def _refuse_tag(self, tag: str, line: int) -> None:
        short = tag.replace("tag:yaml.org,2002:", "!!")
        self.refuse(
            line, f"the tag {short} is not the same to all YAML readers; remove it, and quote a text", self._path()
        )

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].tree.value, dict) and self._stack[-1].key is None

    def _key(self, text: str, unquoted: bool, line: int) -> None:
        frame = self._stack[-1]
        if text == "<<":
            if not unquoted:
                self.refuse(
                    line,
                    'the key "<<" is a merge to some YAML readers even in quotes; choose another',
                    self._path(),
                )
            elif frame.tree.value or frame.merged is not None:
                # go-yaml lets a later << win over keys above it, PyYAML does not.
                self.refuse(
                    line,
                    "<< stands below other keys, where YAML readers disagree on which wins; write it once, first",
                    self._path(),
                )
        elif unquoted and not self._is_text(text):
            self.refuse(
                line,
                f"the key {text or 'with no name'} is not a text to all YAML readers; quote it: {quoted(text)}",
                self._path(),
            )
        elif text in frame.tree.children():
            first = frame.tree.keys[text].line
            self.refuse(line, f"this key stands here twice, first in line {first}; remove one", (*self._path(), text))
        frame.key, frame.key_line = text, line

    @staticmethod
    def _is_text(text: str) -> bool:
        try:
            return isinstance(resolve(text), str)
        except Ambiguous:
            return False

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        self._own += 1
        if self._expects_key():
            self.stop(line, "a map or a list stands where a key must be; text in braces needs quotes")
        if event.tag is not None:
            self._refuse_tag(event.tag, line)
        if len(self._stack) >= DEEPEST:
            self._stack.clear()  # a path of that depth says nothing
            self.stop(line, f"maps and lists are nested more than {DEEPEST} deep")
        empty: dict[str, Tree] | list[Tree] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Open(Tree(empty, Position(self.name, line)), event.anchor))

    def _close(self) -> None:
        frame = self._stack.pop()
        tree = frame.tree
        if frame.merged is not None and isinstance(tree.value, dict):
            tree.value = {**frame.merged.children(), **tree.value}
            tree.keys = {**frame.merged.keys, **tree.keys}
        self._add(tree, tree.position.line, frame.anchor, frame.size)

    def _alias(self, anchor: str, line: int) -> None:
        if self._expects_key():
            self.stop(line, "an alias stands where a key must be; write the key")
        if any(frame.anchor == anchor for frame in self._stack):
            self.stop(line, f"the alias *{anchor} stands inside what it refers to")
        if anchor not in self._anchors:
            self.stop(line, f"the alias *{anchor} refers to an anchor that no earlier line defines")
        tree, size = self._anchors[anchor]
        self._aliased += size
        if self._aliased > _MOST_ALIASED:
            self.stop(line, f"aliases stand for more than {_MOST_ALIASED:,} values; write less with them")
        self._add(tree, line, None, size)

    def _check_proportion(self) -> None:
        # Helm's reader refuses documents that consist of aliases almost only; a tenth is far from its threshold.
        if self._aliased > max(900, 10 * self._own):
            self.refuse(
                0,
                f"aliases stand for {self._aliased:,} values, and the file itself holds {self._own:,}; "
                "at most ten times as many are read",
            )

    def _add(self, tree: Tree, line: int, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (tree, size)
        if not self._stack:
            self._finish(tree, line)
            return
        frame = self._stack[-1]
        frame.size += size
        container = frame.tree.value
        if isinstance(container, list):
            container.append(tree)
        elif isinstance(container, dict) and frame.key is not None:
            if frame.key == "<<":
                self._merge(frame, tree, line)
            else:
                container[frame.key] = tree
                frame.tree.keys[frame.key] = Position(self.name, frame.key_line)
            frame.key = None

    def _merge(self, frame: _Open, tree: Tree, line: int) -> None:
        if not isinstance(tree.value, dict):
            self.refuse(line, "<< takes one map (Terraform merges no lists of maps)", self._path())
        frame.merged = tree

    def _finish(self, tree: Tree, line: int) -> None:
        if isinstance(tree.value, dict):
            self.document = tree
        elif tree.value is not None:
            self.refuse(line, "the file must hold a map with the key qhub at its top")
