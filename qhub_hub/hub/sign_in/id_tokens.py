"""Checks ID tokens: signature, issuer, audience and age (OpenID Connect Core 1.0, section 3.1.3.7)."""

from collections.abc import Mapping
from typing import Any

import jwt

from qhub_hub.hub.sign_in.refusals import BadAnswer

# Signed with a private key only: with `none` or a shared secret anybody, or every client, could write tokens.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY = 60  # seconds that two clocks may be apart

_WHY: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "it is too old"),
    (jwt.InvalidAudienceError, "it was made for another application"),
    (jwt.InvalidIssuerError, "it was made by somebody else"),
    (jwt.ImmatureSignatureError, "it is from the future; compare the clocks"),
    (jwt.InvalidAlgorithmError, "it is not signed in a way that can be trusted"),
    (jwt.InvalidSignatureError, "its signature is wrong"),
    (jwt.MissingRequiredClaimError, "something that it must state is missing"),
)


class UnknownKey(Exception):
    """The token is signed with a key that is not among those known."""


def verified_subject(id_token: object, keys: Mapping[str, Any], *, issuer: str, client_id: str) -> str:
    """The provider's id of the person that a token is about, once the token has passed every check.

    Args:
        id_token: as it came.
        keys: the provider's JSON Web Key Set.
        issuer, client_id: who must have made it, and for whom.

    Raises:
        UnknownKey: its key is not in the set; the provider may have a new one.
        BadAnswer: it fails a check, with a sentence.
    """
    if not isinstance(id_token, str):
        raise BadAnswer("The sign-in provider sent no ID token. An administrator should look at its settings.")
    try:
        header = jwt.get_unverified_header(id_token)
        key = _key_for(header, keys)
        claims = jwt.decode(
            id_token,
            key,
            algorithms=ALGORITHMS,
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        why = next((words for kind, words in _WHY if isinstance(error, kind)), "it can't be read")
        raise BadAnswer(
            f"The sign-in was refused, because the provider's ID token is not valid: {why}. "
            "Start again from the sign-in page; if that does not help, tell an administrator."
        ) from error
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != client_id:
        raise BadAnswer("The sign-in was refused, because the provider's ID token was made for another application.")
    return str(claims["sub"])


def _key_for(header: Mapping[str, Any], keys: Mapping[str, Any]) -> jwt.PyJWK:
    if header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError
    signing = [key for key in _parsed(keys) if key.public_key_use in (None, "sig")]
    wanted = header.get("kid")
    found = [key for key in signing if key.key_id == wanted] if wanted else signing
    if len(found) != 1:
        raise UnknownKey
    return found[0]


def _parsed(keys: Mapping[str, Any]) -> list[jwt.PyJWK]:
    try:
        return list(jwt.PyJWKSet.from_dict(dict(keys)).keys)
    except jwt.PyJWTError:
        return []
