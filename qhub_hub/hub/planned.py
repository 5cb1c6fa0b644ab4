"""Plan once, apply, keep, refuse: what the spawners for one machine and for Kubernetes have in common."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from logging import Logger
from typing import Any

from jupyterhub import orm
from jupyterhub.spawner import SpawnException
from sqlalchemy import select
from traitlets import default

from qhub_hub.hub.recorded import RecordedMixin
from qhub_hub.hub.running import usage_of
from qhub_hub.hub.site import Site
from qhub_hub.hub.spawn_page import render_form
from qhub_hub.identity import Identity, IdentityError
from qhub_hub.sessions import Plan, PlanSummary, Rejected, parse_form, parse_query, read_summary, summary


def spawn_error(message: str, reason: str, status: int) -> SpawnException:
    """A failed start as the hub tells it: on the page, by REST and in the metrics.

    Args:
        message: a sentence for the person who asked.
        reason: label of the spawn metric.
        status: HTTP status.
    """
    error = SpawnException(message, reason=reason, status_code=status)
    # Without it the form shows "403 SpawnException(reason=…): …" (JupyterHub 6.1, `format_exception`).
    error.jupyterhub_message = message
    return error


def refusal(rejected: Rejected) -> SpawnException:
    """The hub's own word for a rejection: its status, its sentence, its label in the metrics."""
    return spawn_error(rejected.message, rejected.reason, rejected.status)


@contextmanager
def refused_with_a_sentence(doing: str, log: Logger) -> Iterator[None]:
    """Whatever is raised in here becomes a sentence for the person; what nobody foresaw is a refusal too.

    Args:
        doing: for the log, completes "Error while …".
    """
    try:
        yield
    except Rejected as rejected:
        raise refusal(rejected) from None
    except SpawnException:
        raise  # has its sentence
    except Exception:
        log.exception("Error while %s", doing)
        raise refusal(
            Rejected("unavailable", "An error inside the hub keeps your server from starting. Tell an administrator.")
        ) from None


def hub_groups(user: Any) -> frozenset[str]:
    """Names of the groups that the hub's database has somebody in: those of the sign-in provider."""
    return frozenset(group.name for group in user.groups)


def all_hub_groups(db: Any) -> dict[str, frozenset[str]]:
    """The same of everybody at once, by user name: one question instead of a thousand. Who is in none is missing."""
    found: dict[str, set[str]] = {}
    for user, group in db.execute(select(orm.User.name, orm.Group.name).join(orm.User.groups)):
        found.setdefault(user, set()).add(group)
    return {user: frozenset(groups) for user, groups in found.items()}


def _read(parse: Callable[[Any], Mapping[str, str]], fields: Any) -> dict[str, str]:
    try:
        return dict(parse(fields))
    except Rejected as rejected:
        raise refusal(rejected) from None


class PlannedMixin(RecordedMixin):
    """Put before a spawner class: every start goes through `make_plan`, and nothing else decides.

    A subclass turns the plan into its spawner's traits (`traits_for`). The class decides nothing itself and no
    option of the wrapped spawner's own profile code is read.
    """

    # Of the spawner that this is mixed into.
    name: str
    user: Any
    user_options: Any
    orm_spawner: Any
    db: Any
    log: Logger

    plan: Plan | None = None
    _kept: dict[str, Any] | None = None
    _ended: dict[str, Any] | None = None
    _decided_from: object = None
    _decided_then: PlanSummary | None = None

    @property
    def site(self) -> Site:
        """The hub's site, from the application's settings."""
        site: Site = self.user.settings["qhub"]
        return site

    def identity(self) -> Identity:
        """Who the owner of this server is. Raises `Rejected`."""
        return self.site.identity(self.user.name, hub_groups(self.user))

    def _groups_of(self, user: Any) -> frozenset[str]:
        return self.site.memberships.of(user.name, hub_groups(user))

    def traits_for(self, plan: Plan) -> Mapping[str, Any]:
        """The spawner's traits that carry the plan out."""
        raise NotImplementedError

    @default("options_form")
    def _options_form_default(self) -> Callable[[Any], str]:
        return lambda spawner: spawner.render_options()

    def render_options(self) -> str:
        """The cards for the owner of this server, or the sentence why there are none."""
        with refused_with_a_sentence(f"choosing the cards of {self.user.name!r}", self.log):
            cards = self.site.offers(self.identity())
        remembered = self.user_options if isinstance(self.user_options, dict) else {}
        return render_form(cards, remembered=remembered)

    @default("options_from_form")
    def _options_from_form_default(self) -> Callable[[dict[str, list[Any]]], dict[str, Any]]:
        return lambda form: _read(parse_form, form)

    def options_from_query(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """Options from `/hub/spawn?opt-profile=…`."""
        return _read(parse_query, query)

    @default("apply_user_options")
    def _apply_user_options_default(self) -> Callable[[Any, Any], None]:
        # The plan applies them, in run_pre_spawn_hook: what is raised here would be logged with a traceback
        # (JupyterHub 6.1, `_run_apply_user_options`). Setting it declares the options handled.
        return lambda spawner, options: None

    async def run_pre_spawn_hook(self) -> None:
        """Decide, make the folders, set the traits; then the site's own hook."""
        try:
            with refused_with_a_sentence(f"planning a server of {self.user.name!r}", self.log):
                plan = await self._decide()
                for name, value in self.traits_for(plan).items():
                    setattr(self, name, value)
        except SpawnException as refused:
            # The hub stored the options before anybody looked at them; a refused choice must not be there the next
            # time somebody starts without saying which (facts/hub-apis.md §0.2).
            self.close_run("failed")
            self.plan = self._ended = None
            self.spawned(refused.reason)
            self._write_down({})
            raise
        # Keep the accepted choice in its canonical form: admins see it, and it is preselected next time.
        self._write_down(dict(plan.choices))
        await super().run_pre_spawn_hook()

    def _write_down(self, options: dict[str, str]) -> None:
        """Have the hub's database hold the choice, and the plan, before anything waits.

        JupyterHub 6.1 rolls back what is not committed when any request ends (`BaseHandler.finish`): a choice that
        waited for its turn would be lost, and with it everything the hub knows of its servers is read anew.
        """
        self.user_options = options
        stored, state = self.orm_spawner, self.get_state()
        if (stored.user_options, stored.state) != (options, state):
            stored.user_options, stored.state = options, state
            self.db.commit()

    async def _decide(self) -> Plan:
        identity = self.identity()
        # From counting until the run is open nothing may wait: two starts at a time would both fit a limit of one.
        limited = identity.group_names & self.site.config.limits.groups.keys()
        usage = self.with_cost_today(usage_of(self.user.settings["users"], self, self.user, limited), identity)
        self.plan = plan = self.site.plan(identity, self.user_options, self.name, usage)
        self.open_run()
        await self.site.prepare(identity)
        self._introduce()
        return plan

    def _introduce(self) -> None:
        """Let running servers of the same groups know the name of somebody who was not in these groups before."""
        mine = self._groups_of(self.user)
        if not self.site.is_newcomer(self.user.name, mine):
            return
        for user in list(self.user.settings["users"].values()):
            if user.name != self.user.name and user.running and mine & self._groups_of(user):
                try:
                    self.site.write_names(self.site.identity(user.name, hub_groups(user)))
                except (Rejected, IdentityError, OSError) as error:
                    # Their names file is older than it could be; that keeps nobody else from working.
                    self.log.warning("%s does not learn the name of %s: %s", user.name, self.user.name, error)

    def summary(self) -> dict[str, Any] | None:
        """What was decided for the running server, also after the hub was restarted."""
        return summary(self.plan) if self.plan is not None else self._kept

    @property
    def decided(self) -> PlanSummary | None:
        """The same, read; None where nothing is decided, or what was kept of it can't be read."""
        source: object = self.plan if self.plan is not None else self._kept
        # Every start counts all running servers, so each of them is read once and not once per start of another.
        if self._decided_from is not source:
            self._decided_from, self._decided_then = source, read_summary(self.summary())
        return self._decided_then

    def get_state(self) -> dict[str, Any]:
        """State that outlives the hub's process.

        What an ended server had stays there until the next start: mostly that is the same again, and neither the end
        nor the start has anything to write.
        """
        state: dict[str, Any] = super().get_state()  # type: ignore[misc]
        decided = self.summary()
        if (stored := self._ended if decided is None else decided) is not None:
            state["qhub"] = stored
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up the state of a server that outlived the hub's process; what an ended one had counts for nothing."""
        super().load_state(state)  # type: ignore[misc]
        outlived = self.orm_spawner.server is not None and read_summary(state.get("qhub")) is not None
        self._kept = state["qhub"] if outlived else None

    def clear_state(self) -> None:
        """Forget the server that has ended."""
        super().clear_state()  # type: ignore[misc]
        self._ended, self.plan, self._kept = self.summary(), None, None

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What is being done, for the page that waits."""
        yield {"progress": 20, "message": "Preparing your home and group folders"}
        title = self.plan.title if self.plan is not None else "your server"
        yield {"progress": 50, "message": f"Starting {title}"}
