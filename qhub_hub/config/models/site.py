"""The whole `qhub:` section."""

from pydantic import Field

from qhub_hub.config.models.base import Map, Model
from qhub_hub.config.models.dask import Dask
from qhub_hub.config.models.environments import Environments
from qhub_hub.config.models.identity import Identities
from qhub_hub.config.models.nodes import NodeGroup
from qhub_hub.config.models.people import Group, User
from qhub_hub.config.models.policy import Culling, Limits, Prices
from qhub_hub.config.models.profiles import Profile
from qhub_hub.config.models.sign_in import SignIn
from qhub_hub.config.models.storage import Storage


class Config(Model):
    """The `qhub:` section of the values file: users, groups, profiles and the rules between them."""

    name: str = Field("QHub", min_length=1, max_length=80)
    """What the platform is called on its pages."""

    users: Map[User] = Field(default_factory=dict, validate_default=True)
    """People by name. Listing somebody is only needed to state an id, groups or rights."""

    groups: Map[Group] = Field(default_factory=dict, validate_default=True)
    """Groups by full name."""

    sign_in: SignIn = Field(default_factory=SignIn)
    """How people sign in, and who is let in."""

    identity: Identities = Identities()
    """Pools of numeric ids."""

    node_groups: Map[NodeGroup] = Field(default_factory=dict, validate_default=True)
    """Kinds of machines by name."""

    profiles: Map[Profile] = Field(default_factory=dict, validate_default=True)
    """What people choose from, by name."""

    storage: Storage = Storage()
    """Homes and shared folders."""

    environments: Environments = Field(default_factory=Environments)
    """Shared software environments."""

    culling: Culling = Field(default_factory=Culling)
    """Stopping what nobody uses."""

    dask: Dask = Field(default_factory=Dask)
    """Dask clusters."""

    prices: Prices = Prices()
    """What an hour costs."""

    limits: Limits = Field(default_factory=Limits)
    """The most that people and groups may use."""
