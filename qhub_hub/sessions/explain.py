"""What would happen and why: the decisions of the other files again, each with the key behind it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from qhub_hub.config.models import Config
from qhub_hub.config.models.people import Group
from qhub_hub.config.models.profiles import Profile
from qhub_hub.config.quantities import show_bytes, show_seconds
from qhub_hub.environments.manifest import Catalogue
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.access import audience_of, may_use, membership_sentence, unlocking_group
from qhub_hub.sessions.explanation import Explanation, Fact, Refusal
from qhub_hub.sessions.idle import deciding_rule
from qhub_hub.sessions.keys import yaml_key
from qhub_hub.sessions.limits import applying_limits
from qhub_hub.sessions.plan import Plan, make_plan
from qhub_hub.sessions.prices import describe_price, show_cost
from qhub_hub.sessions.profiles import in_order, placeable, title_of
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.request import parse_request
from qhub_hub.sessions.sizes import Amount, FullSize, completed, states

Source = Callable[[str], str]
State = Literal["open", "locked", "hidden"]


def explain(
    config: Config,
    identity: Identity,
    options: object,
    source: Source | None = None,
    catalogue: Catalogue = (),
) -> Explanation:
    """Say what this person sees and what would start, or why nothing would.

    Nothing runs in this picture: limits are stated, but none is reached.

    Args:
        options: `user_options` as somebody would send them.
        source: `file:line` of a key, empty where no file states it; None: keys only.
    """
    cards = [_card(config, identity, key) for key, _ in in_order(config)]
    refusal: Refusal | None = None
    decided: list[Fact] = []
    try:
        request = parse_request(options)
        plan = make_plan(config, identity, request, catalogue)
        decided = [*_choice_facts(config, plan, asked=bool(request.profile)), *_rule_facts(config, plan)]
    except Rejected as rejected:
        refusal = Refusal(rejected.status, rejected.reason, rejected.message)
    return Explanation(
        person=identity.name,
        identity=_located(_identity_facts(config, identity), source),
        profiles=_located((fact for _, fact in cards), source),
        states=tuple(state for state, _ in cards),
        refusal=refusal,
        plan=_located(decided, source),
    )


def _located(facts: Iterable[Fact], source: Source | None) -> tuple[Fact, ...]:
    if source is None:
        return tuple(facts)
    return tuple(
        Fact(fact.what, fact.text, fact.key, (source(fact.key) or "default") if fact.key else "") for fact in facts
    )


def _identity_facts(config: Config, identity: Identity) -> Iterator[Fact]:
    declared = config.users.get(identity.name)
    if declared and declared.uid is not None:
        yield Fact("uid", f"{identity.uid}, declared", yaml_key("users", identity.name, "uid"))
    else:
        pool = config.identity.user_ids
        text = f"{identity.uid}, would be allocated from {pool.first}–{pool.last}"
        yield Fact("uid", text, yaml_key("identity", "userIds"))
    yield Fact("gid", f"{identity.gid}, the private group")
    if identity.posix != identity.name:
        yield Fact("name", f"{identity.posix} in /etc/passwd")
    yield Fact("home", identity.home, yaml_key("storage", "home"))
    if identity.admin:
        yield Fact("admin", "yes", _admin_key(config, identity))
    for group in identity.groups:
        stated = config.groups.get(group.name)
        pool = config.identity.group_ids
        how = "declared" if stated and stated.gid is not None else f"would be allocated from {pool.first}–{pool.last}"
        why, key = _membership(config, identity.name, group.name, stated)
        yield Fact(f"group {group.name}", f"gid {group.gid}, {how}; {why}", key)


def _admin_key(config: Config, identity: Identity) -> str:
    declared = config.users.get(identity.name)
    if declared and declared.admin:
        return yaml_key("users", identity.name, "admin")
    groups = (group.name for group in identity.groups)
    found = (name for name in groups if (group := config.groups.get(name)) and group.admin)
    return next((yaml_key("groups", name, "admin") for name in found), "")


def _membership(config: Config, person: str, name: str, group: Group | None) -> tuple[str, str]:
    declared = config.users.get(person)
    if declared and name in declared.groups:
        return "named by the user", yaml_key("users", person, "groups")
    if group and person in group.members:
        return "named by the group", yaml_key("groups", name, "members")
    if group and group.everyone:
        return "everyone is a member", yaml_key("groups", name, "everyone")
    return "given at sign-in", ""


def _card(config: Config, identity: Identity, key: str) -> tuple[State, Fact]:
    profile = config.profiles[key]
    if not may_use(profile, identity):
        state: State = "hidden" if profile.locked == "hide" else "locked"
        rule = "allowedGroups" if profile.allowed_groups else "allowedUsers"
        return state, Fact(key, membership_sentence(profile), yaml_key("profiles", key, rule))
    try:
        placeable(config, profile)
    except Rejected as rejected:
        return "locked", Fact(key, rejected.message, yaml_key("profiles", key, "nodeGroup"))
    group = unlocking_group(profile, identity)
    rule = "allowedUsers" if identity.name in profile.allowed_users and not group else "allowedGroups"
    return "open", Fact(key, f"{title_of(key, profile)}: {audience_of(profile)}", yaml_key("profiles", key, rule))


def _choice_facts(config: Config, plan: Plan, asked: bool) -> Iterator[Fact]:
    profile = config.profiles[plan.profile]
    base = ("profiles", plan.profile)
    how = "asked for" if asked else "the first open card"
    yield Fact("profile", f"{plan.title}, {how}", yaml_key(*base))
    if plan.command:
        yield Fact("command", " ".join(plan.command), yaml_key(*base, "command"))
    if chosen := plan.choices.get("image"):
        yield Fact("image", plan.image, yaml_key(*base, "options", "images", chosen, "image"))
    else:
        yield Fact("image", plan.image or "the chart's", yaml_key(*base, "image"))
    if plan.environment:
        yield Fact("environment", plan.environment, yaml_key(*base, "options", "environments"))
    yield from _size_facts(profile, plan)
    yield Fact("node group", plan.node_group, yaml_key("profiles", plan.profile, "nodeGroup"))
    if plan.price:
        yield Fact("price", describe_price(plan.price), plan.price.source)


def _size_facts(profile: Profile, plan: Plan) -> Iterator[Fact]:
    base: tuple[str, ...] = ("profiles", plan.profile)
    own: frozenset[str] = frozenset()
    size, inner = completed(profile, profile), base
    if chosen := plan.choices.get("size"):
        choice, inner = profile.options.sizes[chosen], (*base, "options", "sizes", chosen)
        own, size = states(choice), completed(choice, profile)
        yield Fact("size", choice.display_name or chosen, yaml_key(*inner))
    yield _amount_fact("cpu", plan.cpu, size, inner if "cpu" in own else base)
    yield _amount_fact("memory", plan.memory, size, inner if "memory" in own else base)
    if plan.gpu:
        yield Fact("gpu", f"{plan.gpu} {plan.gpu_type}", yaml_key(*(inner if "gpu" in own else base), "gpu"))


def _amount_fact(name: Literal["cpu", "memory"], amount: Amount, size: FullSize, base: tuple[str, ...]) -> Fact:
    if amount.guarantee is None and amount.limit is None:
        return Fact(name, "not stated: what the node has left", yaml_key(*base, name))
    guarantee, limit = (None if number is None else _show(name, number) for number in (amount.guarantee, amount.limit))
    text = f"{guarantee} guaranteed" if limit is None else f"at most {limit}, {guarantee} guaranteed"
    if size.share is not None:
        return Fact(name, f"{text} ({size.share} of a node)", yaml_key(*base, "share"))
    return Fact(name, text, yaml_key(*base, name, "guarantee" if limit is None else "limit"))


def _show(name: str, amount: float) -> str:
    if name == "memory":
        return show_bytes(int(amount))
    return f"{amount:g} {'core' if amount == 1 else 'cores'}"


def _rule_facts(config: Config, plan: Plan) -> Iterator[Fact]:
    identity, idle = plan.identity, plan.idle
    _, max_age_key = deciding_rule(config, identity, plan.profile, "max_age")
    yield Fact("stopped when idle", _after(idle.idle), idle.source)
    yield Fact("stopped in any case", _after(idle.max_age), max_age_key)
    yield Fact(
        "warned", f"{show_seconds(idle.warning)} before" if idle.warning else "never", yaml_key("culling", "warning")
    )
    yield Fact("idle kernels", _after(idle.kernel_idle), yaml_key("culling", "kernelIdle"))
    yield Fact("idle terminals", _after(idle.terminal_idle), yaml_key("culling", "terminalIdle"))
    for group, key, limit in applying_limits(config, identity):
        whose = f"members of {group}" if group else "you"
        stated = limit.model_dump(exclude_none=True)
        for name, most in stated.pop("dask", {}).items():
            shown = _show_limit(name, most, config)
            yield Fact("limit", f"{whose}, Dask clusters: at most {shown}", f"{key}.dask.{name}")
        for name, most in stated.items():
            yield Fact("limit", f"{whose}: at most {_show_limit(name, most, config)}", f"{key}.{name}")
    for mount in plan.mounts:
        mode = "read-only" if mount.read_only else "read and write"
        yield Fact("folder", f"{mount.target}, {mode}", _mount_key(identity, mount.source))
    for name, value in config.profiles[plan.profile].env.items():
        yield Fact("variable", f"{name}={value}", yaml_key("profiles", plan.profile, "env", name))


def _show_limit(name: str, most: float, config: Config) -> str:
    if name == "costPerDay":
        return f"{show_cost(most, config.prices.currency)} per day (UTC)"
    if name == "pricePerHour":
        return f"{show_cost(most, config.prices.currency)} per hour"
    return show_bytes(int(most)) if name == "memory" else f"{most:g} {name}"


def _after(seconds: int) -> str:
    return f"after {show_seconds(seconds)}" if seconds else "never"


def _mount_key(identity: Identity, source: str) -> str:
    place, _, name = source.partition("/")
    if place == "shared":
        group = next(group for group in identity.groups if group.directory == name)
        return yaml_key("groups", group.name, "sharedFolder")
    return yaml_key("environments", "namespaces", name) if place == "environments" else yaml_key("storage", "home")
