"""`qhub`: quick to answer, and nothing that a person does ends in a traceback."""

import subprocess
import sys

import pytest

from qhub_hub.cli import COMMANDS, main
from qhub_hub.cli import validate as a_command
from qhub_hub.cli.console import CommandError

HEAVY = ("jupyterhub", "pydantic", "sqlalchemy", "tornado", "traitlets", "yaml")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["up", "--help"]], ids=" ".join)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    text = (
        "import sys\nfrom qhub_hub.cli import main\n"
        f"try: main({arguments})\nexcept SystemExit as ended: assert not ended.code\n"
        f"print('heavy:', [name for name in {HEAVY} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("heavy: []\n")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["nope"], ["up", "--nope"], ["up", "--port", "x"]], ids=repr)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: qhub" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [(CommandError("No.\nhint: yes"), 1, "qhub: No.\nhint: yes\n"), (KeyboardInterrupt(), 130, "\nqhub: stopped.\n")],
    ids=["a problem", "Ctrl-C"],
)
def test_problems_are_sentences_on_stderr(
    raised: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: object) -> int:
        raise raised

    monkeypatch.setattr(a_command, "run", run)
    assert main(["validate", "x"]) == code
    assert capsys.readouterr().err == said


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m qhub_hub schema | head -1"
    ended = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert ended.stdout == "{\n"
    assert ended.stderr == ""
