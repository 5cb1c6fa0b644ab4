"""What `qhub ids check` and `qhub ids rebuild` do: database, rendered names and owners of folders agree."""

import os
import re
import stat
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qhub_hub.identity.allocation import KEYS, preferred_posix_name
from qhub_hub.identity.base_entries import BASE_GROUPS, BASE_PASSWD
from qhub_hub.identity.entries import GroupEntry, PasswdEntry, parse_passwd
from qhub_hub.identity.errors import RenderError, UnusableName
from qhub_hub.identity.model import may_be_assigned
from qhub_hub.identity.nss import Resolved, check_all
from qhub_hub.identity.posix import directory_name
from qhub_hub.identity.records import Found, GroupRecord, HighWater, Kind, Record, UserRecord
from qhub_hub.identity.render import render_group, render_passwd
from qhub_hub.identity.store import IdentityStore
from qhub_hub.identity.view import View

FOLDERS: tuple[tuple[Kind, str], ...] = (("user", "home"), ("group", "shared"))
_AT_ONCE = 500  # the library scans its files line by line for every lookup: small files are quicker


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Args:
        done: records checked, or rows added.
        problems: a sentence each; empty: all is well.
    """

    done: int
    problems: tuple[str, ...]


def check(records: Sequence[Record], files: Path | None = None) -> Report:
    """Whether every record renders, resolves through the real library to the same ids, and owns its folder.

    Args:
        records: of the identity database.
        files: folder that holds `home/` and `shared/`; None: owners are not looked at.

    Raises:
        NamesUnavailable: the library is missing or refuses the files.
    """
    users = [record for record in records if isinstance(record, UserRecord)]
    groups = [record for record in records if isinstance(record, GroupRecord)]
    problems: list[str] = []
    for start in range(0, max(len(users), len(groups)), _AT_ONCE):
        problems += _unresolved(users[start : start + _AT_ONCE], groups[start : start + _AT_ONCE])
    if files is not None:
        problems += [problem for record in records if (problem := _wrong_owner(record, files))]
    return Report(len(records), tuple(problems))


def rebuild(
    store: IdentityStore,
    files: Path,
    *,
    users: Iterable[str] = (),
    groups: Iterable[str] = (),
    mark: HighWater | None = None,
) -> Report:
    """Teach a new or old identity database what the owners of the folders say.

    A backup of the database knows more: renames, retirements and people without a folder can't be read off
    the files.

    Args:
        files: folder that holds `home/` and `shared/`.
        users, groups: names that the hub and the values file know; needed for names that were escaped.
        mark: kept beside the files.

    Raises:
        IdConflict: the folders contradict the database. Nothing was changed.
        StoreUnavailable: nothing was changed.
    """
    found: list[Found] = []
    problems: list[str] = []
    for (kind, folder), names in zip(FOLDERS, (users, groups), strict=True):
        some, unclear = _scan(kind, files / folder, names)
        found += some
        problems += unclear
    return Report(store.rebuild(found, mark), tuple(problems))


def _unresolved(users: Sequence[Record], groups: Sequence[Record]) -> list[str]:
    """Records that the library reads differently. `nobody` is put into every group to look the groups up."""
    people = [PasswdEntry(one.posix, one.gid, one.gid, "", f"/home/{one.directory}", "/bin/sh") for one in users]
    entries = [
        *(GroupEntry(name, gid) for name, gid in BASE_GROUPS.items()),
        *(GroupEntry(one.posix, one.gid) for one in users),
        *(GroupEntry(one.posix, one.gid, ("nobody",)) for one in groups),
    ]
    view = View((*parse_passwd(BASE_PASSWD), *people), tuple(entries))
    with tempfile.TemporaryDirectory() as folder:
        passwd, group = Path(folder, "passwd"), Path(folder, "group")
        try:
            passwd.write_text(render_passwd(view), encoding="utf-8")
            group.write_text(render_group(view), encoding="utf-8")
        except RenderError as error:
            return [str(error)]
        nobody, *resolved = check_all(passwd, group, ["nobody", *(person.name for person in people)], timeout=120)
    problems = [
        f"The user {record.name!r} should be {person.name} with uid {person.uid}, but resolves to {answer.by_name}."
        for record, person, answer in zip(users, people, resolved, strict=True)
        if not _same(answer, person)
    ]
    names = dict(zip(nobody.groups, nobody.group_names, strict=True))
    return problems + [
        f"The group {one.name!r} should be {one.posix} with gid {one.gid}, but resolves to {names.get(one.gid)!r}."
        for one in groups
        if names.get(one.gid) != one.posix
    ]


def _same(answer: Resolved, person: PasswdEntry) -> bool:
    ids = (answer.groups, answer.group_names)
    return answer.by_name == person == answer.by_uid and ids == ((person.gid,), (person.name,))


def _wrong_owner(record: Record, files: Path) -> str | None:
    kind: Kind = "user" if isinstance(record, UserRecord) else "group"
    path = files / dict(FOLDERS)[kind] / record.directory
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None  # made when it is first needed
    except OSError as error:
        return f"{path} can't be looked at: {os.strerror(error.errno or 0).lower()}."
    if not stat.S_ISDIR(status.st_mode):
        return f"{path} should be the folder of the {kind} {record.name!r}, but is not a folder."
    owner = status.st_uid if kind == "user" else status.st_gid
    if owner == record.gid:
        return None
    return f"{path} belongs to {KEYS[kind][0]} {owner}, but the {kind} {record.name!r} has {record.gid}."


def _scan(kind: Kind, folder: Path, names: Iterable[str]) -> tuple[list[Found], list[str]]:
    """Owners of the folders in here, and sentences on those whose name can't be told."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except FileNotFoundError:
        return [], []
    by_directory = {directory_name(kind, name): name for name in names}
    folders, problems = [], []
    for entry in entries:
        status = entry.stat(follow_symlinks=False)
        number = status.st_uid if kind == "user" else status.st_gid
        if stat.S_ISDIR(status.st_mode) and may_be_assigned(number):
            folders.append((entry.name, number))
        else:
            problems.append(f"{entry.path} is not a folder of a {kind}; it was left out.")
    counts = Counter(number for _, number in folders)
    # `ann--100005` was made because an earlier ann had left `ann` behind: whose `ann` is, the files can't
    # tell.
    succeeded = {match[1] for name, _ in folders if (match := re.fullmatch(r"(.+)--[0-9]+", name))}
    found = []
    for directory, number in folders:
        name = by_directory.get(directory) or _plain(kind, directory)
        if name is None or directory in succeeded or counts[number] > 1:
            problems.append(
                f"{folder / directory} belongs to {KEYS[kind][0]} {number}, but it is not clear which {kind} "
                "that is. The number will not be given out, and nobody was given it: give it to its owner "
                "in the values file."
            )
            name = None
        found.append(Found(kind, name, number, directory))
    return found, problems


def _plain(kind: Kind, directory: str) -> str | None:
    """The name that this folder was made for, where the folder alone tells."""
    try:
        preferred_posix_name(kind, directory)
        return directory if directory_name(kind, directory) == directory else None
    except UnusableName:
        return None
