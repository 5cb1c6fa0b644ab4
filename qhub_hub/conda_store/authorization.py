"""Whose a token is, and what that lets them do: conda-store's own answers to both, without its holes."""

import hmac
import re
from typing import Any

from conda_store_server.server.auth import AuthenticationBackend, RBACAuthorizationBackend
from conda_store_server.server.schema import AuthenticationToken

from qhub_hub.conda_store.settings import settings_here


class Person(AuthenticationToken):  # type: ignore[misc]  # conda-store is not typed
    """Somebody who is signed in. `role_bindings` are not what was signed, but what the hub says now."""

    name: str


class HubTokens(AuthenticationBackend):  # type: ignore[misc]
    """Tokens of people, which say who they are and no more, and that of QHub itself."""

    def authenticate(self, token: str) -> Any:
        """Whose token it is; None: nobody's, or it is over."""
        own = settings_here().reconciler
        if own and hmac.compare_digest(token.encode(), own.encode()):
            return AuthenticationToken(primary_namespace="global", role_bindings={"*/*": ["admin"]})
        try:
            return Person.model_validate({**self.decrypt_token(token), "role_bindings": {}})
        except Exception:  # whatever a stranger sends
            return None


class SlugAuthorization(RBACAuthorizationBackend):  # type: ignore[misc]
    """Roles as the hub states them; none from conda-store's database, and none for everybody."""

    @classmethod
    def compile_arn_regex(cls, arn: str) -> "re.Pattern[str]":
        """A pattern in which only `*` stands for others than itself."""
        namespace, _, name = arn.partition("/")
        one, other = (re.escape(part).replace(r"\*", "[^/]*") for part in (namespace, name))
        return re.compile(f"{one}(?:/{other})?")

    def get_entity_bindings(self, entity: Any) -> Any:
        """What the hub said of whoever asks, nothing else."""
        return {} if entity is None else entity.role_bindings

    def get_entity_permissions(self, entity: Any, arn: str) -> Any:
        """All that somebody may do with what is called `<namespace>` or `<namespace>/<name>`."""
        found: set[Any] = set()
        for pattern, permissions in self.get_entity_binding_permissions(entity).items():
            if self.compile_arn_regex(pattern).fullmatch(arn):
                found |= set(permissions)
        return found
