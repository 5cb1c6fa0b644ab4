"""helm/values.yaml is documentation that may not lie, and a site that works as it is."""

import re
from pathlib import Path

from qhub_hub.config import load, load_values
from qhub_hub.config.reading import read
from qhub_hub.config.tree import empty_entries
from qhub_hub.installation import packaged

# A `#` right before a key, or before an even number of spaces and a key; prose and examples have one space or three.
COMMENTED_KEY = re.compile(r"^( *)#((?:  )*[A-Za-z].*)$", re.MULTILINE)


def test_every_commented_key_states_the_default_of_the_models(tmp_path: Path) -> None:
    text = packaged("helm/values.yaml").read_text()
    spelt_out = COMMENTED_KEY.sub(r"\1\2", text)
    assert spelt_out.count("#") < text.count("#") - 30
    (tmp_path / "values.yaml").write_text(spelt_out)
    assert load(tmp_path / "values.yaml", defaults=False) == load()


def test_no_default_is_null_because_helm_would_take_it_for_a_deletion() -> None:
    assert list(empty_entries(read(packaged("helm/values.yaml")))) == []


def test_everybody_is_offered_something_and_somebody_may_administrate() -> None:
    config = load_values().qhub
    assert any(not profile.allowed_groups for profile in config.profiles.values())
    assert config.groups["everyone"].everyone
    assert config.groups["admin"].admin
    assert config.prices.cpu is None
