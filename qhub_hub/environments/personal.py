"""People's own folders: `~/environments/*.yaml` of a home, read as what a stranger wrote and may change meanwhile.

Whoever reads may read everything, so nothing is followed and nothing is waited for: every step opens one name below an
open folder, and only a regular file that belongs to the home's owner is looked into.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from qhub_hub.config.models.environments import Environments
from qhub_hub.environments.namespaces import user_namespace
from qhub_hub.environments.specification import FOLDER, File, Specification, SpecificationError, described, text_of
from qhub_hub.identity.records import UserRecord

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LARGEST = 8 * 1024  # bytes of one file: a thousand people may have some
_MOST_LISTED = 500  # entries of a folder that are looked at

Mark = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one person wants built.

    Args:
        namespace: theirs.
        specifications: what their files describe.
        complaints: why a file describes nothing, as sentences by the name that the environment would have.
    """

    namespace: str
    specifications: tuple[Specification, ...] = ()
    complaints: tuple[tuple[str, str], ...] = ()


class PersonalFolders:
    """The folders of everybody who has a home.

    Args:
        homes: folder of all homes.
        people: gives everybody who has an id.
        own_ids: whether homes belong to their people; else to whoever runs this.
    """

    def __init__(self, homes: Path, people: Callable[[], Iterable[UserRecord]], own_ids: bool) -> None:
        self._homes = homes
        self._people = people
        self._own_ids = own_ids
        self._read: dict[str, tuple[Environments, Mark, Wishes]] = {}

    def marks(self) -> tuple[Mark, ...]:
        """What changes when one of the folders, or a file in it, does."""
        return tuple((person.name, *mark) for person in self._people() if (mark := self._mark(person)))

    def wishes(self, config: Environments) -> tuple[Wishes, ...]:
        """What everybody wants built who can be asked. Reads only what has changed."""
        return tuple(found for person in self._people() if (found := self._of(person, config)))

    def _of(self, person: UserRecord, config: Environments) -> Wishes | None:
        mark = self._mark(person)
        if mark is None:
            return None  # there is no home, or it is away: that wishes nothing and takes nothing back
        known = self._read.get(person.name)
        if known is None or known[:2] != (config, mark):
            known = self._read[person.name] = (config, mark, self._wishes(person, config))
        return known[2]

    def _mark(self, person: UserRecord) -> Mark | None:
        try:
            with self._folder(person) as folder:
                return tuple(_marks(folder)) if folder is not None else ()
        except SpecificationError as error:
            return (str(error),)
        except OSError:
            return None

    def _wishes(self, person: UserRecord, config: Environments) -> Wishes:
        namespace = user_namespace(person.name)
        try:
            with self._folder(person) as folder:
                if folder is None:
                    return Wishes(namespace)
                names = _names(folder)
                most = config.personal.most
                files = [self._file(folder, name, person) for name in names[:most]]
                specifications, complaints = described(config, namespace, files)
        except SpecificationError as error:
            return Wishes(namespace, (), ((FOLDER, str(error)),))
        except OSError:
            return Wishes(namespace)
        if len(names) > most:
            sentence = f"Only {most} environments of your own are built; ~/{FOLDER}/{names[most]} is one too many."
            complaints = {**complaints, "too-many": sentence}
        if len(names) >= _MOST_LISTED:
            complaints["too-many"] = (
                f"~/{FOLDER} holds more than {_MOST_LISTED} files, of which only some are looked at."
            )
        return Wishes(namespace, specifications, tuple(complaints.items()))

    def _file(self, folder: int, name: str, person: UserRecord) -> File:
        label = f"~/{FOLDER}/{name}"
        read = partial(text_of, name, label, folder=folder, owner=self._owner(person), largest=_LARGEST)
        return File(label, Path(name).stem, read)

    @contextmanager
    def _folder(self, person: UserRecord) -> Iterator[int | None]:
        """A descriptor of the person's folder; None: they have none.

        Raises:
            SpecificationError: something else is in its place.
            OSError: there is no home, or it is away.
        """
        home = os.open(self._homes / person.directory, _OPEN)
        try:
            try:
                folder = os.open(FOLDER, _OPEN, dir_fd=home)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    yield None
                    return
                raise SpecificationError(f"~/{FOLDER} must be a folder, not a link or a file.") from None
        finally:
            os.close(home)
        try:
            if os.fstat(folder).st_uid != self._owner(person):
                raise SpecificationError(f"~/{FOLDER} does not belong to you.")
            yield folder
        finally:
            os.close(folder)

    def _owner(self, person: UserRecord) -> int:
        return person.uid if self._own_ids else os.geteuid()


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        # Not all of them at once: there may be a million.
        listed = [entry.name for entry in islice(entries, _MOST_LISTED)]
    return sorted(name for name in listed if name.endswith((".yaml", ".yml")) and not name.startswith("."))


def _marks(folder: int) -> Iterator[Mark]:
    for name in _names(folder):
        try:
            state = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            continue
        yield (name, state.st_ino, state.st_size, state.st_mtime_ns)
