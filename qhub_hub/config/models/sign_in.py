"""How people sign in: the provider, who is let in, and how soon a lost right is felt."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator

from qhub_hub.config.models.base import Map, Model
from qhub_hub.config.names import GroupName, UserName
from qhub_hub.config.quantities import Seconds

Address = Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$", max_length=500, examples=["https://id.example.org"])]
Claim = Annotated[str, Field(min_length=1, max_length=500)]


def _parse_path(value: Any) -> tuple[str, ...]:
    # One text is one key, dots and all: Auth0 names claims by URL.
    keys = (value,) if isinstance(value, str) else value
    if isinstance(keys, list | tuple) and keys and all(isinstance(key, str) and key for key in keys):
        return tuple(keys)
    raise ValueError("a claim must be a key, or a list of keys to go down")


ClaimPath = Annotated[
    tuple[str, ...],
    BeforeValidator(_parse_path),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}}],
            "examples": ["groups", "https://example.org/groups"],
        }
    ),
]
"""Where a claim is found: the keys to go down, one after the other."""


class Client(Model):
    """QHub as the sign-in provider knows it: an application registered there."""

    client_id: str = ""
    """Client id that the provider gave out."""

    client_secret: SecretStr | None = None
    """Client secret. Better kept out of this file: see `secretFile` and `secretVariable`."""

    secret_file: str = ""
    """File that holds the client secret and nothing else."""

    secret_variable: str = "QHUB_CLIENT_SECRET"  # noqa: S105 - a variable's name
    """Environment variable of the hub that holds the client secret, where neither of the other two is set."""

    callback_url: Address = ""
    """Where the provider sends people back. Left out: the hub's address followed by `/hub/oauth_callback`."""


class GitHub(Client):
    """GitHub, or a GitHub Enterprise server. The team `acme:gpu` is the group `acme/gpu`; `groupNames` renames it."""

    url: Address = "https://github.com"
    """Address of GitHub."""

    scopes: tuple[str, ...] = ("read:org",)
    """What people are asked to permit; teams can only be read with `read:org`."""


class OpenId(Client):
    """What all OpenID Connect providers have in common."""

    username_claim: Claim = "preferred_username"
    """Claim that is the user name here. It must be one that people can't change themselves."""

    groups_claim: ClaimPath = ("groups",)
    """Claim that lists the groups: one key as it is (`https://example.org/groups`), or a list of keys to go down."""

    # With offline_access the provider gives a refresh token, so that rights can be checked for as long as servers run.
    scopes: tuple[str, ...] = ("openid", "profile", "email", "offline_access")
    """What people are asked to permit. Without `offline_access` most providers can't be asked again later."""


class Oidc(OpenId):
    """Any OpenID Connect provider: Keycloak, Okta, Entra, GitLab and others."""

    title: str = "OpenID Connect"
    """What the sign-in button calls it."""

    issuer: Address = ""
    """Address whose `/.well-known/openid-configuration` says everything else; ID tokens must name it."""

    authorize_url: Address = ""
    """Instead of discovery: where people are sent to sign in."""

    token_url: Address = ""
    """Instead of discovery: where codes are exchanged for tokens."""

    userinfo_url: Address = ""
    """Instead of discovery: where claims, groups among them, are read; asked again at every check."""

    jwks_url: Address = ""
    """Instead of discovery: the keys that ID tokens are signed with."""


class Auth0(OpenId):
    """Auth0."""

    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]*$", examples=["acme.eu.auth0.com"])] = ""
    """The tenant's domain."""

    username_claim: Claim = "email"
    """Claim that is the user name here; an e-mail address must be verified."""

    groups_claim: ClaimPath = ("https://qhub/groups",)
    """Claim that lists the groups; an Auth0 action adds it, under a name that is a URL."""


class Google(Client):
    """Google. Groups need a service account that may read the directory."""

    hosted_domains: tuple[str, ...] = ()
    """Only accounts of these Workspace domains; with a single one, names lose their `@domain`."""

    service_account_files: Map[str] = Field(default_factory=dict, validate_default=True)
    """By domain: key file of the service account that reads groups; empty: groups are not read."""

    administrators: Map[str] = Field(default_factory=dict, validate_default=True)
    """By domain: name of the administrator that the service account acts for."""


class Native(Model):
    """Accounts of this hub itself: people sign up, administrators approve."""

    open_signup: bool = False
    """Whether nobody needs to approve; only together with `allow: everyone`."""

    minimum_password_length: Annotated[int, Field(ge=8, le=128, strict=True)] = 12
    """Fewest characters of a password."""

    failed_attempts: Annotated[int, Field(ge=0, le=100, strict=True)] = 10
    """Wrong passwords in a row after which a name is closed for ten minutes; 0: never."""


class SignIn(Model):
    """How people sign in. The provider and its settings take a restart; all else is followed live."""

    provider: Literal["shared-password", "github", "auth0", "oidc", "google", "native", "dummy"] = "shared-password"
    """Who says that people are who they say. `dummy` believes everybody and is for tests only."""

    allow: Literal["everyone", "listed", "groups"] | None = None
    """Who is let in: `everyone` whom the provider knows, those `listed` below `users` or in a group of `groups`, or
    members of `allowedGroups`. Administrators always are. Left out: `listed`; with the shared password everybody, until
    the file names somebody."""

    allowed_groups: tuple[GroupName, ...] = ()
    """With `allow: groups`: members of one of these are let in."""

    blocked: tuple[UserName, ...] = ()
    """People who are kept out whatever else says; their servers are stopped."""

    groups: Literal["values", "provider", "both"] = "both"
    """Who says which groups people are in: this file, the provider, or either of them. A group must be declared below
    `groups` in any case."""

    group_names: Map[GroupName] = Field(default_factory=dict, validate_default=True)
    """Groups that the provider calls differently: its name (or id), and the name below `groups`."""

    refresh_seconds: Annotated[Seconds, Field(ge=10)] = 300
    """How old the provider's word may be when somebody opens a page; before every start it is asked anyway."""

    revocation_seconds: Annotated[Seconds, Field(ge=10)] = 60
    """Time within which a running server is stopped once its owner may no longer have it."""

    github: GitHub = Field(default_factory=GitHub)
    """GitHub."""

    auth0: Auth0 = Field(default_factory=Auth0)
    """An Auth0 tenant."""

    oidc: Oidc = Field(default_factory=Oidc)
    """Any OpenID Connect provider."""

    google: Google = Field(default_factory=Google)
    """Google."""

    native: Native = Field(default_factory=Native)
    """Accounts of this hub."""

    @property
    def client(self) -> Client | None:
        """The chosen provider's application; None where the provider is this hub itself."""
        chosen = getattr(self, self.provider, None)
        return chosen if isinstance(chosen, Client) else None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        client = self.client
        if client is not None and not client.client_id:
            raise ValueError(f"the provider {self.provider} needs {self.provider}.clientId")
        if self.provider == "auth0" and not self.auth0.domain:
            raise ValueError("the provider auth0 needs auth0.domain")
        if self.provider == "oidc" and not self.oidc.issuer:
            raise ValueError("the provider oidc needs oidc.issuer")
        explicit = (self.oidc.authorize_url, self.oidc.token_url, self.oidc.userinfo_url, self.oidc.jwks_url)
        if any(explicit) and not all(explicit):
            raise ValueError(
                "oidc needs authorizeUrl, tokenUrl, userinfoUrl and jwksUrl together, or none of them to discover all"
            )
        return self

    @model_validator(mode="after")
    def _fails_closed(self) -> Self:
        if (self.allow == "groups") != bool(self.allowed_groups):
            raise ValueError("allow: groups and allowedGroups belong together")
        if self.native.open_signup and self.allow != "everyone":
            raise ValueError("native.openSignup lets strangers take any name, so it needs allow: everyone")
        if self.groups == "provider" and self.provider in ("shared-password", "native", "dummy"):
            raise ValueError(f"groups: provider is not possible, as {self.provider} knows no groups")
        if missing := self.google.service_account_files.keys() ^ self.google.administrators.keys():
            raise ValueError(
                f"google needs serviceAccountFiles and administrators of the same domains; one lacks {min(missing)}"
            )
        return self
