from pathlib import Path


def touch(path: Path, mkdir: bool = False, sudo_safe: bool = False) -> None:
    if mkdir:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).touch()
