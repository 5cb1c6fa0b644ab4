"""What every model of the values file shares: frozen, camelCase in YAML, unknown keys refused."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    WrapSerializer,
)
from pydantic.alias_generators import to_camel

V = TypeVar("V")


class Model(BaseModel):
    """A section of the values file. Instances are never changed, so they may be shared by every user."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )


def _as_dict(value: Mapping[str, Any], handler: SerializerFunctionWrapHandler) -> Any:
    return handler(dict(value))


# A map keyed by name. Read-only after validation: a plain dict inside a frozen model could still be mutated, and
# one user's change would be seen by the next (facts/peers: the uid leak of QHub 2021).
Map = Annotated[Mapping[str, V], AfterValidator(lambda m: MappingProxyType(dict(m))), WrapSerializer(_as_dict)]
