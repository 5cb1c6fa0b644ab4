"""Why a build failed, in a sentence: conda-store itself keeps a log only."""

from dataclasses import dataclass

from qhub_hub.conda_store.rattler import REFUSED
from qhub_hub.conda_store.rest import Build
from qhub_hub.environments.records import ENDED

PROBLEM = "plugin-qhub: Problem: "
"""Begins the line that our lock plugin writes."""

_LONGEST = 1000  # characters
_STEPS = (
    # What the log shows last of a step that did not end, and what that means.
    ("action_fetch_and_extract_conda_packages", "A package could not be fetched or unpacked; the log has the reason."),
    ("action_install_lockfile", "The packages could not be installed; the log has the reason."),
)
_DAMAGED = ("is not the package that the channel lists", "was not fetched")  # so it is fetched anew the next time
_MAY_PASS = (ENDED, _STEPS[0][1], "A channel can't be read now", "Its packages alone take", "The solver was ended")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a build failed.

    Args:
        sentence: for people.
        again: whether that may pass by itself.
    """

    sentence: str
    again: bool


def reason_of(build: Build, log: str) -> Reason:
    """Why a build failed.

    Args:
        log: of the build. Programs of packages may have written into it.
    """
    sentence = _shown(build.info) or _of_log(log)
    again = sentence.startswith(_MAY_PASS) or any(words in sentence for words in _DAMAGED)
    return Reason(sentence, again)


def _of_log(log: str) -> str:
    lines = log.splitlines()
    for line in reversed(lines):
        if line.startswith(PROBLEM):
            return _shown(line.removeprefix(PROBLEM))
    for step, sentence in _STEPS:
        said = [line for line in lines if line.startswith(f"{step}: ")]
        if said and " completed in " not in said[-1]:
            refused = [line.partition(REFUSED)[2] for line in said if REFUSED in line]
            return _shown("".join(refused[-1:])) or sentence
    return "It could not be built; the log in conda-store has the reason."


def _shown(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:_LONGEST].strip()
