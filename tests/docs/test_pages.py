"""What the documentation says can be done: examples load, commands parse, links lead somewhere, nothing is missing."""

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.cli import COMMANDS, main
from qhub_hub.config import load_values
from qhub_hub.config.models import Config

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
PAGES = {
    str(page.relative_to(ROOT)): page.read_text(encoding="utf-8")
    for page in [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *ROOT.glob("docs/**/*.md"),
    ]
}


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, the words behind its fence, what is in it."""

    place: str
    language: str
    kind: str
    text: str


def blocks(language: str) -> list[Block]:
    found = []
    for page, text in sorted(PAGES.items()):
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start(4)) + 1
            code = re.sub(f"^{match[1]}", "", match[4], flags=re.MULTILINE)
            found.append(Block(f"{page}:{line}", match[2], match[3].strip(), code))
    return [block for block in found if block.language == language]


def by_place(block: Block) -> str:
    return block.place


@pytest.mark.parametrize("block", blocks("yaml"), ids=by_place)
def test_an_example_is_a_values_file_that_loads(block: Block, tmp_path: Path) -> None:
    text = block.text
    if block.kind == "fragment":  # a part of the qhub section
        text = "qhub:\n" + re.sub("^", "  ", text, flags=re.MULTILINE)
    values = tmp_path / "values.yaml"
    values.write_text(text)
    load_values(values)  # raises with every problem, by file and line


def commands_in(script: str) -> Iterator[list[str]]:
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("<>|&;()"):
                if words and words[0].rpartition("/")[2] == "qhub":
                    yield words[1:]
                words = []
            else:
                words.append(word)


SHELL = [
    pytest.param(words, id=f"{block.place} {' '.join(words)}")
    for block in blocks("sh")
    for words in commands_in(block.text)
]
INLINE = [
    pytest.param(shlex.split(words), id=f"{page} {words}")
    for page, text in sorted(PAGES.items())
    for words in sorted(set(re.findall(r"`qhub ([^`]+)`", FENCE.sub("", text))))
]


@pytest.mark.parametrize("words", [*SHELL, *INLINE])
def test_a_command_in_the_text_exists_with_its_options(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    command = next((word for word in words if not word.startswith("-")), "")
    if words == [command]:
        assert command in COMMANDS  # named, with or without what it needs
        return
    asked: list[Any] = []
    if command:
        monkeypatch.setattr(
            importlib.import_module(f"qhub_hub.cli.{command}"), "run", lambda given: asked.append(given) or 0
        )
        assert main(words) == 0
        assert asked
    else:
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0


def as_said(text: str) -> str:
    # Python 3.13 writes `-f, --values FILE` for `-f FILE, --values FILE`; where lines break is not what counts.
    return re.sub(r"\s+", " ", re.sub(r"(-\w) [A-Z]+, --", r"\1, --", text)).strip()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_a_command_is_documented_with_the_help_it_gives(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("os.geteuid", lambda: 0)  # the page shows root's default folder
    with pytest.raises(SystemExit):
        main([*([command] if command else []), "--help"])
    sections = re.split(r"^## ", PAGES["docs/reference/commands.md"], flags=re.MULTILINE)
    heading = f"`qhub {command}`" if command else "# Commands"
    section = next((section for section in sections if section.startswith(heading)), "")
    assert as_said(capsys.readouterr().out) in as_said(section), (
        f"{heading} in docs/reference/commands.md is not its help"
    )


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


LINKS = [
    pytest.param(page, target, id=f"{page} {target}")
    for page, text in sorted(PAGES.items())
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text))
    if not re.match(r"[a-z]+:", target)
]


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_a_link_or_picture_leads_somewhere(page: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    aim = (ROOT / page).parent / path if path else ROOT / page
    assert aim.exists()
    assert not anchor or anchor in anchors(aim.read_text(encoding="utf-8"))


def test_every_page_of_the_docs_can_be_reached_from_its_first_page() -> None:
    seen, ahead = set(), ["docs/README.md"]
    while ahead:
        page = ahead.pop()
        seen.add(page)
        targets = re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", PAGES[page])
        linked = {str(((ROOT / page).parent / target).resolve().relative_to(ROOT)) for target in targets}
        ahead += sorted((linked & PAGES.keys()) - seen)
    assert sorted(page for page in PAGES if page.startswith("docs/") and page not in seen) == []


def test_every_make_target_in_the_text_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, text in PAGES.items():
        code = "\n".join(
            [*(match[4] for match in FENCE.finditer(text)), *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))]
        )
        named = set(re.findall(r"(?:^|&& )make (?:[A-Z]+=\S+ )*([a-z][a-z0-9-]*)", code, re.MULTILINE))
        assert named <= targets, page


def sections_of(node: dict[str, Any], path: str, definitions: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every key below a model of the schema, with the heading that its row stands under."""
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    for key, child in node.get("properties", {}).items():
        yield path, key
        yield from sections_of(child, f"{path}.{key}", definitions)
    for part, suffix in (("additionalProperties", ".<name>"), ("items", "[]")):
        if isinstance(node.get(part), dict):
            yield from sections_of(node[part], path + suffix, definitions)
    for child in node.get("anyOf", []):
        yield from sections_of(child, path, definitions)


def test_every_key_of_the_values_file_has_a_row_below_its_heading() -> None:
    schema = Config.model_json_schema()
    keys = set(sections_of(schema, "qhub", schema["$defs"]))
    assert len(keys) > 80
    page = re.split(r"^## ", PAGES["docs/reference/values.md"], flags=re.MULTILINE)
    rows = {part.partition("`\n")[0].strip("`"): part for part in page}
    assert sorted(f"{path}.{key}" for path, key in keys if f"| `{key}` |" not in rows.get(path, "")) == []


def messages(source: Path) -> Iterator[str]:
    """The longest fixed text in the first line of every error that a person may read."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("CommandError", "told"):
            said = node.args[0]
            parts = said.values if isinstance(said, ast.JoinedStr) else [said]
            line: list[str] = []
            for part in parts:
                line.append(str(part.value) if isinstance(part, ast.Constant) else "")
                if "\n" in line[-1]:
                    break
            fixed = [re.split(r"[\n(,:]", text)[0].strip(" .") for text in line]
            yield max(fixed, key=len, default="")


def test_the_guide_has_every_error_of_the_start() -> None:
    guide = PAGES["docs/guides/one-machine.md"]
    found = [
        said
        for name in ("up", "launch", "ports", "proxy", "state")
        for said in messages(ROOT / f"qhub_hub/cli/{name}.py")
    ]
    assert len(found) > 15
    assert [said for said in found if len(said) > 8 and said not in guide] == []
