"""Whose cluster it is: what the hub says of somebody, read strictly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qhub_hub.identity import Group, Identity


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as the hub knows them now.

    Args:
        passwd, group: text of the two files that their programs resolve names with.
        server_running: whether one of their notebook servers runs.
        paid_today: what they paid since midnight UTC, by the key `""`, and what all members of each of their groups
            did, by its full name; None: no limit asks for it, or the hub can't tell.
    """

    identity: Identity
    passwd: str
    group: str
    server_running: bool
    paid_today: Mapping[str, float] | None = None


class UnreadablePerson(Exception):
    """The hub answered with something else than a person. `str()` is for the log."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Group(_Strict):
    name: str
    posix: str
    gid: int
    directory: str
    members: list[str]


class _Identity(_Strict):
    name: str
    posix: str
    uid: int
    gid: int
    groups: list[_Group]
    directory: str
    home: str
    shell: str
    gecos: str
    admin: bool


class _Person(_Strict):
    identity: _Identity
    passwd: str
    group: str
    server_running: bool
    paid_today: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = None


def read_person(answer: object) -> Person:
    """A person from the hub's JSON (`GET /hub/api/qhub/identity/<name>`).

    Raises:
        UnreadablePerson: something is missing or of another kind, or the ids are not for people.
    """
    try:
        found = _Person.model_validate(answer)
        fields = found.identity.model_dump()
        groups = tuple(Group(**{**group, "members": tuple(group["members"])}) for group in fields.pop("groups"))
        identity = Identity(**fields, groups=groups)
    except ValidationError as error:
        raise UnreadablePerson(f"{error.error_count()} fields are missing or of another kind") from error
    except ValueError as error:
        raise UnreadablePerson(f"the ids can't be used ({error})") from error
    return Person(identity, found.passwd, found.group, found.server_running, found.paid_today)
