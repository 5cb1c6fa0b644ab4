"""From a name that signed in to an Identity: ids from the store, groups from the values file."""

from collections.abc import Callable, Iterable, Mapping

from qhub_hub.identity.errors import IdConflict, UnusableName
from qhub_hub.identity.memberships import Memberships
from qhub_hub.identity.model import Group, Identity
from qhub_hub.identity.records import GroupRecord, IdSource

_TO_SPACES = {code: " " for code in (*range(32), 127, *range(128, 160), ord(":"), 0x2028, 0x2029)}


def identity_of(
    memberships: Memberships,
    store: IdSource,
    name: str,
    hub_groups: Iterable[str] = (),
    *,
    home_root: str = "/home",
) -> Identity:
    """Who this person is, everywhere. Under 50 µs once the store has seen them and their groups.

    Args:
        memberships: of the Config in force.
        store: the identity database, or a `PreviewStore` where there is none.
        name: the hub's user name.
        hub_groups: groups that the sign-in provider says; only declared ones count.
        home_root: folder that homes appear in, absolute.

    Raises:
        IdentityError: no identity, with a sentence; never somebody else's.
    """
    config = memberships.config
    user = config.users.get(name)
    record = store.user(name, user.uid if user else None)
    names = memberships.of(name, hub_groups)
    groups = store.groups({group: config.groups[group].gid for group in sorted(names)})
    ordered = sorted(groups.values(), key=_by_gid)
    try:
        return Identity(
            name=name,
            posix=record.posix,
            uid=record.uid,
            gid=record.gid,
            groups=tuple(
                Group(
                    one.name,
                    one.posix,
                    one.gid,
                    one.directory if config.groups[one.name].shared_folder else "",
                )
                for one in ordered
            ),
            directory=record.directory,
            home=f"{home_root}/{record.directory}",
            # A full name comes from people; what would end a passwd field must not keep its owner from
            # working.
            gecos=user.display_name.translate(_TO_SPACES).strip() if user else "",
            admin=memberships.is_admin(name, names),
        )
    except ValueError:
        raise IdConflict(
            f"The identity database gives {name!r} numbers that are not for people ({record.uid}, "
            f"{[one.gid for one in ordered]}). Run `qhub ids check`."
        ) from None


def claim_declared(memberships: Memberships, store: IdSource) -> tuple[str, ...]:
    """Register every id that the values file declares, before anybody else is given one of these numbers.

    To be called at start and for every new Config. Cheap when all is known.

    Returns:
        A sentence per id that can't be given as declared; those people and groups get no identity. Empty: all
        is well.

    Raises:
        StoreUnavailable: nothing was registered.
    """
    config = memberships.config
    users = {name: user.uid for name, user in config.users.items() if user.uid is not None}
    groups = {name: group.gid for name, group in config.groups.items() if group.gid is not None}
    try:
        store.users(users)
        store.groups(groups)
    except (IdConflict, UnusableName):
        # One by one, to give everybody else theirs and to name all that is wrong.
        return (*_refused(users, store.user), *_refused(groups, store.group))
    return ()


def _refused(declared: Mapping[str, int], register: Callable[[str, int], object]) -> list[str]:
    sentences = []
    for name, number in declared.items():
        try:
            register(name, number)
        except (IdConflict, UnusableName) as error:
            sentences.append(str(error))
    return sentences


def _by_gid(record: GroupRecord) -> int:
    return record.gid
