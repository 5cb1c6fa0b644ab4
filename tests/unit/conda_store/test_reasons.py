"""A build's log becomes a sentence."""

import pytest

from qhub_hub.conda_store.rattler import REFUSED
from qhub_hub.conda_store.reasons import reason_of
from qhub_hub.conda_store.rest import Build
from qhub_hub.environments.records import ENDED

FAILED = Build(1, 1, "2026-11-21T11:00:00", "FAILED", "", 0, "2026-11-21T12:00:00")
FETCH, INSTALL = "action_fetch_and_extract_conda_packages", "action_install_lockfile"


@pytest.mark.parametrize(
    ("log", "sentence", "again"),
    [
        (
            "plugin-qhub: Solving\nplugin-qhub: Problem: x is in none of the channels y.\nTraceback",
            "x is in none",
            False,
        ),
        ("plugin-qhub: Problem: A channel can't be read now: y. Is it down?", "A channel can't be read now", True),
        (f"{FETCH}: DOWNLOAD x\nTraceback …", "A package could not be fetched or unpacked", True),
        (f"{FETCH}: Action {FETCH} completed in 1 s.\n{INSTALL}: boom", "The packages could not be installed", False),
        (
            f"{INSTALL}: ERROR:root:{REFUSED}x-1-0.conda is not the package that the channel lists: its md5 is 0",
            "x-1-0.conda is not the package that the channel lists: its md5 is 0",
            True,
        ),
        (
            f"{INSTALL}: ERROR:root:{REFUSED}x-1-0.conda was not fetched.\n{INSTALL}: Traceback",
            "x-1-0.conda was not fetched.",
            True,
        ),
        (
            f"{INSTALL}: ERROR:root:{REFUSED}x-1-0 wants to write to '\x1b../x', …\n{INSTALL}: Traceback",
            "x-1-0 wants to write to '../x', …",
            False,
        ),
        (f"{INSTALL}: boom\nelsewhere: {REFUSED}it was not fetched", "The packages could not be installed", False),
        (f"{INSTALL}: {REFUSED}\n", "The packages could not be installed", False),
        ("", "It could not be built; the log in conda-store has the reason.", False),
        ("plugin-qhub: Problem: \x1b[31mred\x07", "[31mred", False),
    ],
    ids=[
        "missing",
        "channel down",
        "fetching",
        "installing",
        "damaged",
        "not there",
        "refused",
        "said elsewhere",
        "refused without a word",
        "nothing said",
        "for a terminal",
    ],
)
def test_the_log_says_why(log: str, sentence: str, again: bool) -> None:
    reason = reason_of(FAILED, log)
    assert (reason.sentence.startswith(sentence), reason.again) == (True, again), reason


def test_what_conda_store_itself_says_comes_first_and_is_bounded() -> None:
    ended = Build(1, 1, "2026-11-21T11:00:00", "FAILED", ENDED, 0, "")
    assert reason_of(ended, "plugin-qhub: Problem: other").sentence == ENDED
    assert reason_of(ended, "").again
    assert len(reason_of(FAILED, "plugin-qhub: Problem: " + "x" * 10_000).sentence) == 1000
