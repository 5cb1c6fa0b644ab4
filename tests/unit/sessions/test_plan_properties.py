"""What holds for every site, person and request, however strange."""

from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config.models import Config
from qhub_hub.environments.manifest import Environment
from qhub_hub.identity.model import Group, Identity
from qhub_hub.sessions import Rejected, default_choice, make_plan, offers, parse_request

GROUPS = ("a", "b", "c")
PEOPLE = ("ann", "bob")
KEYS = ("k1", "k2", "k3")
NAMESPACES = ("n1", "n2", "..")

some_groups = st.lists(st.sampled_from(GROUPS), unique=True, max_size=3)
amounts = st.sampled_from([{}, {"limit": 1}, {"limit": 2}, {"limit": 1000}])
sizes = st.one_of(
    st.fixed_dictionaries({"cpu": amounts, "gpu": st.integers(0, 3)}),
    st.fixed_dictionaries({"share": st.sampled_from(["1", "1/2", "1/7"])}),
)
images = st.sampled_from(["r/x:1", "r/y:2"]).map(lambda image: {"image": image})


@st.composite
def profiles(draw):
    return draw(sizes) | {
        "order": draw(st.integers(-1, 1)),
        "allowedGroups": draw(some_groups),
        "allowedUsers": draw(st.lists(st.sampled_from(PEOPLE), unique=True)),
        "locked": draw(st.sampled_from(["show", "hide"])),
        "nodeGroup": draw(st.sampled_from(["user", "gpu", "vague", "gone"])),
        "image": draw(st.sampled_from(["", "r/own:1"])),
        "options": {
            "images": draw(st.dictionaries(st.sampled_from(KEYS), images, max_size=2)),
            "sizes": draw(st.dictionaries(st.sampled_from(KEYS), sizes, max_size=2)),
            "environments": draw(st.lists(st.sampled_from(["n1/*", "*", "n2/e1"]), max_size=2)),
        },
    }


@st.composite
def sites(draw):
    shared = st.fixed_dictionaries({"sharedFolder": st.booleans()})
    return Config.model_validate(
        {
            "groups": draw(st.dictionaries(st.sampled_from(GROUPS), shared)),
            "nodeGroups": {
                "user": {"cpu": 4, "memory": "8Gi", "price": 1},
                "gpu": {"cpu": 4, "memory": "8Gi", "gpu": {"count": 2}},
                "vague": {},
            },
            "profiles": draw(st.dictionaries(st.sampled_from(KEYS), profiles(), max_size=3)),
            "environments": {
                "namespaces": draw(
                    st.dictionaries(st.sampled_from(NAMESPACES), st.fixed_dictionaries({"allowedGroups": some_groups}))
                )
            },
        }
    )


@st.composite
def people(draw):
    name = draw(st.sampled_from(PEOPLE))
    groups = tuple(Group(g, f"x{g}", 70_000 + GROUPS.index(g), f"dir-{g}") for g in sorted(draw(some_groups)))
    uid = 100_000 + PEOPLE.index(name)
    return Identity(name, name, uid, uid, groups, f"home-{name}", f"/home/{name}")


catalogues = st.lists(
    st.builds(
        Environment,
        st.sampled_from(NAMESPACES),
        st.sampled_from(["e1", "e2"]),
        st.just("/p"),
        st.sampled_from(["ready", "failed"]),
    ),
    max_size=4,
    unique=True,
).map(tuple)
requests = st.dictionaries(
    st.sampled_from(["profile", "image", "size", "environment"]),
    st.sampled_from([*KEYS, "r/x:1", "evil/x:1", "n1/e1", "n2/e1", "../e1", "", "*"]),
)


def may_use(profile, who):
    groups = {group.name for group in who.groups}
    open_to_all = not profile.allowed_groups and not profile.allowed_users
    return open_to_all or bool(groups & set(profile.allowed_groups)) or who.name in profile.allowed_users


@given(sites(), people(), requests, catalogues)
def test_nothing_foreign_or_unlisted_is_ever_started(site, who, options, catalogue):
    try:
        plan = make_plan(site, who, parse_request(options), catalogue)
    except Rejected:
        return
    profile = site.profiles[plan.profile]
    assert may_use(profile, who)
    listed = {choice.image for choice in profile.options.images.values()}
    assert plan.image in (listed or {profile.image})
    assert plan.identity == who
    folders = {f"home/{who.directory}", *(f"shared/{group.directory}" for group in who.groups)}
    assert {mount.source for mount in plan.mounts if not mount.read_only} <= folders
    groups = {group.name for group in who.groups}
    for mount in plan.mounts[1:]:
        place, _, name = mount.source.partition("/")
        assert mount.read_only == (place == "environments")
        if place == "shared":
            assert site.groups[name.removeprefix("dir-")].shared_folder
        else:
            allowed = site.environments.namespaces[name].allowed_groups
            assert not allowed or groups & set(allowed)
            assert ".." not in name
    if plan.environment:
        namespace, _, name = plan.environment.partition("/")
        assert f"environments/{namespace}" in {mount.source for mount in plan.mounts}
        assert Environment(namespace, name, "/p") in catalogue
    for name, value in options.items():
        assert not value or plan.choices[name] == value


@given(sites(), people(), catalogues)
def test_an_open_card_can_be_started_with_every_one_of_its_choices(site, who, catalogue):
    for offer in offers(site, who, catalogue):
        picks = [{}] + [{option.name: choice.key} for option in offer.options for choice in option.choices]
        for pick in picks:
            request = parse_request({"profile": offer.profile} | pick)
            if offer.locked:
                try:
                    make_plan(site, who, request, catalogue)
                except Rejected:
                    continue
                raise AssertionError(f"{offer.profile} is locked and was started")
            plan = make_plan(site, who, request, catalogue)
            if "size" in pick or not pick:
                priced = [c for o in offer.options for c in o.choices if c.key == pick.get("size") and c.hardware]
                assert plan.price == (priced[0].price if priced else offer.price)
                assert plan.cpu == (priced[0].hardware if priced else offer.hardware).cpu


@given(sites(), people(), catalogues)
def test_the_page_preselects_what_a_start_without_options_gives(site, who, catalogue):
    expected = default_choice(offers(site, who, catalogue))
    try:
        plan = make_plan(site, who, parse_request({}), catalogue)
    except Rejected:
        assert expected == {}
    else:
        assert plan.choices == expected
