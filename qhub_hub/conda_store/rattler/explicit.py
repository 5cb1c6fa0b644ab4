"""Explicit lists, as conda-lock writes them: an address per package, with the hash that it must have."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from qhub_hub.environments.containment import Refused

_FILE = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.+!~-]*(-[A-Za-z0-9_.+!~]+){2})(?P<ending>\.conda|\.tar\.bz2)")
_HASHES = {32: "md5", 64: "sha256"}
_CHUNK = 2**20  # bytes read at once


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the list.

    Args:
        url: where it is.
        file: its name there, and in the folder of packages.
        folder: name of what it is unpacked to.
        hash: which it must have, as hexadecimal digits.
    """

    url: str
    file: str
    folder: str
    hash: str

    @property
    def channel(self) -> str:
        """Address of the channel's part that has it."""
        return self.url.rpartition("/")[0]

    def check(self, archive: Path) -> None:
        """Refuse a file that is not what the list says, and remove it: then it is fetched anew the next time.

        Raises:
            Refused: it is another one, or is not there.
        """
        digest = hashlib.new(_HASHES[len(self.hash)], usedforsecurity=False)
        try:
            with archive.open("rb") as content:
                while chunk := content.read(_CHUNK):
                    digest.update(chunk)
        except FileNotFoundError:
            raise Refused(f"{self.file} was not fetched.") from None
        if digest.hexdigest() != self.hash:
            archive.unlink(missing_ok=True)
            raise Refused(
                f"{self.file} is not the package that the channel lists: its {digest.name} is {digest.hexdigest()}, "
                f"and {self.hash} was expected."
            )


def packages_in(text: str) -> tuple[Package, ...]:
    """The packages of a list.

    Raises:
        Refused: a line is no address of a package with a hash.
    """
    lines = (line.strip() for line in text.splitlines())
    return tuple(_package(line) for line in lines if line and not line.startswith(("#", "@")))


def _package(line: str) -> Package:
    url, _, digest = line.partition("#")
    digest = digest.lower().removeprefix("sha256:")
    file = unquote(urlsplit(url).path.rpartition("/")[2])
    found = _FILE.fullmatch(file)
    if found is None or len(digest) not in _HASHES or not re.fullmatch("[0-9a-f]+", digest):
        raise Refused(f"{line!r:.300} is no address of a conda package with its hash.")
    return Package(url, file, found["name"], digest)
