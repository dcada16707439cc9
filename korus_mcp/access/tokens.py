"""Judges access tokens: who made them, for whom and for which server (RFC 9068, RFC 8725); and the
ID tokens of people who sign in to a page of this server (OpenID Connect Core).

A token is judged before anything is done for it. Whoever sent it reads no more than that it was
refused; the reason is in the log, which never has the token.
"""

import hmac
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Protocol

import jwt
from cachetools import LRUCache
from jwt import PyJWK
from jwt.exceptions import (
    DecodeError,
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from korus_mcp.access.keys import UnknownKey
from korus_mcp.access.principal import Caller, Principal, person_of
from korus_mcp.foundation.clock import Clock, SystemClock
from korus_mcp.foundation.text import clean_line

ALGORITHMS: Final = tuple(
    "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA".split()  # noqa: SIM905 - a row
)
"""Those that may sign. None of a shared secret: its name with a public key as the secret is the
oldest forgery there is."""
LEEWAY_SECONDS: Final = 10
"""So much the clocks of provider and server may differ."""
MOST_TAKEN: Final = 10_000
"""Of so many tokens that were taken it is known whose they are."""
LONGEST_TOKEN: Final = 16_384
LONGEST_CLAIM: Final = 512
_ID_TYPES: Final = frozenset({"jwt"})
_TYPES: Final = frozenset({*_ID_TYPES, "at+jwt", "application/at+jwt"})
"""What a token may call itself: others, as of a sign-out, are signed with the same keys."""
_REQUIRED: Final = ("exp", "iss", "aud", "sub")
_ID_REQUIRED: Final = (*_REQUIRED, "iat", "nonce")
_REASONS: Final[Mapping[type[PyJWTError], str]] = {
    ExpiredSignatureError: "it has expired",
    ImmatureSignatureError: "it is not valid yet: the clocks of provider and server differ",
    InvalidSignatureError: "its signature is wrong",
}


class Refused(Exception):
    """A token is not taken; the text says why, for the log alone."""


class Keys(Protocol):
    """What knows the keys of the issuer."""

    async def of(self, name: str | None, algorithm: str) -> PyJWK:
        """The key with this name, for this algorithm."""


@dataclass(frozen=True, kw_only=True)
class _Judge:
    issuer: str
    audience: str
    keys: Keys
    tenant_claim: str | None = None

    async def _key_of(self, token: str, types: Collection[str]) -> tuple[PyJWK, str]:
        """The key that a token of one of these types names, and its algorithm."""
        algorithm, name = _header_of(token, types)
        try:
            return await self.keys.of(name, algorithm), algorithm
        except UnknownKey as unknown:
            raise Refused(str(unknown)) from None

    def _claims(
        self,
        token: str,
        key: PyJWK,
        algorithm: str,
        *,
        audiences: Sequence[str],
        required: Sequence[str],
    ) -> Mapping[str, Any]:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self.issuer,
                audience=audiences,
                leeway=LEEWAY_SECONDS,
                options={"require": list(required)},
            )
        except PyJWTError as error:
            raise Refused(self._reason(error, token)) from None
        # PyJWT asks for a text, and takes an empty one.
        if not claims["sub"] or len(claims["sub"]) > LONGEST_CLAIM:
            raise Refused("its subject (sub) is empty or too long")
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Principal:
        tenant = "" if self.tenant_claim is None else _tenant(claims, self.tenant_claim)
        return person_of(self.issuer, tenant, claims["sub"])

    def _reason(self, error: PyJWTError, token: str) -> str:
        """Why a token is refused. What is told of its claims was signed by the provider."""
        if isinstance(error, MissingRequiredClaimError):
            return f"it has no {error.claim}"
        if isinstance(error, InvalidAudienceError | InvalidIssuerError):
            claim = "aud" if isinstance(error, InvalidAudienceError) else "iss"
            wanted = self.audience if claim == "aud" else self.issuer
            told = jwt.decode(token, options={"verify_signature": False}).get(claim)
            return f"its {claim} is {clean_line(str(told), 200)} and not {wanted}"
        return _REASONS.get(type(error), f"it cannot be read ({type(error).__name__})")


@dataclass(frozen=True, kw_only=True)
class TokenJudge(_Judge):
    """Takes the access tokens of one issuer that are for one audience.

    `tenant_claim`: the claim that tells the tenants of the issuer apart, if it has several.
    """

    clock: Clock = field(default_factory=SystemClock)
    _taken: MutableMapping[bytes, tuple[PyJWK, Caller]] = field(
        default_factory=lambda: LRUCache(MOST_TAKEN), init=False, repr=False, compare=False
    )
    """Tokens by their digest, each with the key that it was found good with. Most calls come with
    a token of the call before, and a signature costs as much as all else that is done for one."""

    async def caller(self, token: str) -> Caller:
        """Whose token this is.

        Raises:
            Refused: it is not taken.
            ProviderDown: it cannot be judged: no key is known yet.
        """
        key, algorithm = await self._key_of(token, _TYPES)
        digest = sha256(token.encode()).digest()
        with_key, taken = self._taken.get(digest, (None, None))
        # Keys that are read anew are other objects: what they do not sign any more is judged anew.
        if taken is None or with_key is not key or self._is_over(taken):
            taken = self._judged(token, key, algorithm)
            self._taken[digest] = key, taken
        return taken

    def _is_over(self, caller: Caller) -> bool:
        return self.clock.now().timestamp() >= caller.expires_at + LEEWAY_SECONDS

    def _judged(self, token: str, key: PyJWK, algorithm: str) -> Caller:
        audience = self.audience.removesuffix("/")
        # With and without a final slash: clients write the same address either way.
        audiences = [audience, f"{audience}/"]
        claims = self._claims(token, key, algorithm, audiences=audiences, required=_REQUIRED)
        return Caller(
            principal=self._person(claims),
            scopes=_scopes(claims),
            issuer=self.issuer,
            subject=claims["sub"],
            client=_client(claims),
            expires_at=int(claims["exp"]),
        )


@dataclass(frozen=True, kw_only=True)
class IdTokenJudge(_Judge):
    """Takes the ID tokens of one issuer that are for one client, the audience."""

    async def person(self, token: str, nonce: str) -> Principal:
        """Who signed in; the token must answer the sign-in with this nonce.

        Raises:
            Refused: it is not taken.
            ProviderDown: it cannot be judged: no key is known yet.
        """
        key, algorithm = await self._key_of(token, _ID_TYPES)
        audiences = [self.audience]
        claims = self._claims(token, key, algorithm, audiences=audiences, required=_ID_REQUIRED)
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise Refused("it answers another sign-in (nonce)")
        # For several audiences it has to say whom it was given to.
        is_ours_alone = claims["aud"] in (self.audience, audiences)
        if claims.get("azp", self.audience if is_ours_alone else None) != self.audience:
            raise Refused("it was given to another client (azp)")
        return self._person(claims)


def _header_of(token: str, types: Collection[str]) -> tuple[str, str | None]:
    """Algorithm and name of the key of a token, as it says itself.

    Raises:
        Refused: it is no token that could be taken.
    """
    if len(token) > LONGEST_TOKEN:
        raise Refused(f"it has more than {LONGEST_TOKEN} characters")
    try:
        header = jwt.get_unverified_header(token)
    except (DecodeError, PyJWTError):
        raise Refused("it is no JWT: the provider may give out opaque tokens") from None
    algorithm, kind, name = header.get("alg"), header.get("typ", "JWT"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise Refused("its algorithm (alg) is none of those that are taken")
    if not isinstance(kind, str) or kind.lower() not in types:
        raise Refused("it is a token of another kind (typ)")
    return algorithm, name


def _tenant(claims: Mapping[str, Any], claim: str) -> str:
    found = claims.get(claim)
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST_CLAIM:
        raise Refused(f"it names no tenant ({claim})")
    return found


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """What a token allows: `scope` as a text or a list, `scp` of Entra ID and Okta, and `roles`,
    by which Entra ID gives to some people what no program may ask for.
    """
    found: set[str] = set()
    for name in ("scope", "scp", "roles"):
        value = claims.get(name)
        words = value.split() if isinstance(value, str) else value
        found.update(w for w in words if isinstance(w, str)) if isinstance(words, list) else None
    return frozenset(found)


def _client(claims: Mapping[str, Any]) -> str:
    named = (claims.get(name) for name in ("client_id", "azp", "appid", "cid"))
    return next((each for each in named if isinstance(each, str)), "")
