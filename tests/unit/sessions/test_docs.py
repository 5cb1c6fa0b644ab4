import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from qhub_hub.config.models import Config
from qhub_hub.sessions import Rejected, offers
from qhub_hub.sessions.rejection import Reason

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (DOCS / "guides" / "profiles.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_the_guide_give_open_cards(person, example):
    site = Config.model_validate(yaml.safe_load(example)["qhub"])
    assert any(not offer.locked for offer in offers(site, person()))
    assert all(not offer.locked for offer in offers(site, person("ann", *site.groups)))


def test_every_reason_is_documented_with_its_status():
    text = (DOCS / "concepts" / "plan.md").read_text()
    for reason in get_args(Reason):
        assert f"| `{reason}` | {Rejected(reason, '').status} |" in text
