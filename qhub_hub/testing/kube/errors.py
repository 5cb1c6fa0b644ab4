"""What the API answers when it refuses: an HTTP status, a reason for programs and a sentence, in a Status object."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qhub_hub.testing.kube.kinds import Kind, Object

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class ApiError(Exception):
    """A refusal, as the API server words it.

    Args:
        code: HTTP status.
        message: for a person.
        reason: for programs; the status' usual one where left out.
        details: the Status' `details`.
    """

    def __init__(self, code: int, message: str, reason: str = "", details: Object | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details
        self.reason = reason or REASONS.get(code, "Unknown")

    @property
    def retry_after(self) -> int | None:
        """Seconds to wait before the next try, if the server asks for it."""
        return (self.details or {}).get("retryAfterSeconds")

    def status(self) -> Object:
        """The Status object of the answer."""
        body: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        body |= {"message": self.message, "reason": self.reason}
        if self.details is not None:
            body["details"] = self.details
        return body | {"code": self.code}


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with one field of an object."""

    reason: str
    message: str
    field: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def required(field: str, hint: str = "") -> Cause:
    """A field that must be there."""
    return Cause("FieldValueRequired", "Required value" + (f": {hint}" if hint else ""), field)


def unusable(field: str, value: Any, hint: str) -> Cause:
    """A field whose value breaks a rule."""
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {hint}", field)


def unsupported(field: str, value: Any, allowed: Iterable[str]) -> Cause:
    """A field whose value is not one of a closed list."""
    choices = ", ".join(f'"{choice}"' for choice in allowed)
    return Cause("FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {choices}', field)


def _details(kind: Kind, name: str) -> Object:
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return {key: value for key, value in details.items() if value}


def not_found(kind: Kind, name: str) -> ApiError:
    """404: there is no such object."""
    return ApiError(404, f'{kind.resource} "{name}" not found', details=_details(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """409: another object has the name."""
    return ApiError(409, f'{kind.resource} "{name}" already exists', "AlreadyExists", _details(kind, name))


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    """409: the change was made on an older version, or for another object."""
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, message, details=_details(kind, name))


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiError:
    """422: the object breaks rules; every broken one is named."""
    said = str(causes[0]) if len(causes) == 1 else f"[{', '.join(map(str, causes))}]"
    subject = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    details = {**_details(kind, name), "kind": kind.kind, "causes": listed}
    return ApiError(422, f'{subject} "{name}" is invalid: {said}', details=details)


def forbidden(kind: Kind, name: str, why: str, details: Object | None = None) -> ApiError:
    """403: a rule of the cluster is against it (admission, quota)."""
    subject = f'{kind.resource} "{name}"' if name else kind.resource
    return ApiError(403, f"{subject} is forbidden: {why}", details={**_details(kind, name), **(details or {})})


def bad_request(message: str) -> ApiError:
    """400: the request itself makes no sense."""
    return ApiError(400, message)


def expired(asked: int, oldest: int) -> ApiError:
    """410: the history from that version on is no longer kept."""
    return ApiError(410, f"too old resource version: {asked} ({oldest})")


def version_too_large(asked: int, current: int) -> ApiError:
    """504: a version that is not there yet; clients wait and ask again."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details = {"causes": [cause], "retryAfterSeconds": 1}
    return ApiError(504, f"Timeout: Too large resource version: {asked}, current: {current}", details=details)
