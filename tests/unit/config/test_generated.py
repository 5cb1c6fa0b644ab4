"""The schema and the reference page say what the models do."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validators

from qhub_hub.config import generate, schema
from qhub_hub.config.models import Config
from qhub_hub.config.reading import read
from qhub_hub.config.tree import plain
from qhub_hub.installation import packaged

ROOT = Path(__file__).parents[3]


def test_generated_files_are_what_would_be_written_now() -> None:
    assert generate.stale(ROOT) == [], "run: python -m qhub_hub.config.generate"


def test_writing_makes_fresh_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    assert generate.write(tmp_path) == ["helm/values.schema.json", "docs/reference/values.md"]
    assert generate.stale(tmp_path) == []
    (tmp_path / "helm/values.schema.json").write_text("{}")
    assert generate.stale(tmp_path) == ["helm/values.schema.json"]


@pytest.mark.parametrize(
    ("values", "valid"),
    [
        (plain(read(packaged("helm/values.yaml"))), True),
        ({}, True),
        ({"qhub": None, "jupyterhub": {"x": 1}, "global": {}}, True),
        ({"qhub": {"profiles": {"small": None}, "culling": {"idle": None}}}, True),
        ({"qhub": {"culling": {"idle": "1h30m"}, "profiles": {"p": {"cpu": {"limit": "500m"}, "share": "1/2"}}}}, True),
        ({"qhub": {"nmae": "x"}}, False),
        ({"qhbu": {}}, False),
        ({"qhub": {"profiles": {"p": {"share": "2/3"}}}}, False),
        ({"qhub": {"profiles": {"p": {"locked": "shown"}}}}, False),
        ({"qhub": {"profiles": {"p": {"node_group": "x"}}}}, False),
        ({"qhub": {"users": {"ann": {"uid": 5}}}}, False),
    ],
)
def test_the_schema_accepts_and_refuses_as_the_loader_does(values: dict[str, Any], valid: bool) -> None:
    chosen = validators.validator_for(schema())
    chosen.check_schema(schema())
    assert chosen(schema()).is_valid(values) == valid


def test_every_key_of_the_schema_is_explained() -> None:
    def unexplained(node: dict[str, Any]) -> list[str]:
        return [name for name, child in node.get("properties", {}).items() if "description" not in child]

    definitions = schema()["$defs"]
    missing = {name: unexplained(node) for name, node in definitions.items() if unexplained(node)}
    assert missing == {}


def test_the_reference_page_has_a_row_for_every_key() -> None:
    page = generate.generated()["docs/reference/values.md"]
    for name, definition in Config.model_json_schema()["$defs"].items():
        for key in definition.get("properties", {}):
            assert f"| `{key}` |" in page, f"{name}.{key}"


def test_checking_from_the_command_line_fails_for_a_stale_checkout(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["generate", "--check", str(tmp_path)])
    assert generate.main() == 1
    assert "values.schema.json is stale" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert json.loads(generate.generated()["helm/values.schema.json"])["title"] == "QHub values"
