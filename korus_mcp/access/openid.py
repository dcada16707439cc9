"""This server as an OpenID client: who sits before a browser (code flow with PKCE, RFC 7636).

For the page on which a person says yes. Of all that the provider answers only the person is kept.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from korus_mcp.access.keys import ProviderRefused
from korus_mcp.access.principal import Principal
from korus_mcp.access.provider import Provider
from korus_mcp.access.tokens import IdTokenJudge, Keys, Refused

LONGEST_CODE: Final = 4_096
"""Of the code of a provider, in characters."""
_METHODS: Final = "token_endpoint_auth_methods_supported"
_BASIC, _POST = "client_secret_basic", "client_secret_post"


@dataclass(frozen=True, kw_only=True, repr=False)
class Begun:
    """A sign-in under way, as the browser keeps it that began it, sealed."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def fresh(cls) -> "Begun":
        """One that nobody can guess."""
        return cls(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
        )

    @property
    def kept(self) -> Mapping[str, str]:
        """What has to be kept of it."""
        return asdict(self)

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, kw_only=True)
class OpenIdClient:
    """The client with this id at a provider; without a secret it is a public one.

    `back` is the one address to which the provider sends browsers.
    """

    provider: Provider
    keys: Keys
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    back: str
    tenant_claim: str | None = None

    async def address(self, begun: Begun, *, anew: bool = False) -> str:
        """Where a browser signs its person in; `anew`: even if the provider knows them.

        Raises:
            ProviderDown: it cannot be asked where.
        """
        told = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "scope": "openid",
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
        if anew:
            told["prompt"] = "login"
        endpoint = await self.provider.endpoint("authorization_endpoint")
        # It may have a query of its own, which stays (RFC 6749).
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(told)}"

    async def person(self, begun: Begun, code: str) -> Principal:
        """Who signed in. The code is good once.

        Raises:
            Refused: nobody did.
            ProviderDown: the provider cannot be asked.
        """
        if not 0 < len(code) <= LONGEST_CODE:
            raise Refused("its code is none of a provider")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.back,
            "code_verifier": begun.verifier,
        }
        endpoint = await self.provider.endpoint("token_endpoint")
        named, headers = await self._named()
        try:
            told = await self.provider.post(endpoint, urlencode(form | named).encode(), headers)
        except ProviderRefused as refused:
            raise Refused(f"the provider does not take the code or the client: {refused}") from None
        token = told.get("id_token")
        if not isinstance(token, str):
            raise Refused("the provider gave no ID token")
        judge = IdTokenJudge(
            issuer=self.provider.issuer,
            audience=self.client_id,
            keys=self.keys,
            tenant_claim=self.tenant_claim,
        )
        return await judge.person(token, begun.nonce)

    async def _named(self) -> tuple[dict[str, str], Mapping[str, str]]:
        """How the client names itself: what goes into the form, and into the headers."""
        if self.client_secret is None:
            return {"client_id": self.client_id}, {}
        ways = await self.provider.listed(_METHODS)
        if _POST in ways and _BASIC not in ways:
            return {"client_id": self.client_id, "client_secret": self.client_secret}, {}
        # Encoded before they are joined (RFC 6749): either may hold a colon.
        pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
        return {}, {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
