"""The containers of the chart: a key that is missing is told by its name in the Secret."""

from pathlib import Path

import pytest

from qhub_hub.conda_store import container


@pytest.mark.parametrize(
    ("name", "of_secret"), [("key", "qhub.condaStoreKey"), ("hub-token", "hub.services.conda-store.apiToken")]
)
@pytest.mark.parametrize("content", [None, "", "\n"], ids=["missing", "empty", "blank"])
def test_a_missing_key_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, of_secret: str, content: str | None
) -> None:
    monkeypatch.setattr(container, "KEYS", tmp_path)
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(container.MissingKey, match=rf"is missing or empty\. It is {of_secret} of the hub's Secret"):
        container.key_here(name)


def test_a_key_is_read_without_what_an_editor_adds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "KEYS", tmp_path)
    (tmp_path / "key").write_text("secret\n")
    assert container.key_here("key") == "secret"
