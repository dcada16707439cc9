"""The floor over HTTP: the SDK's own server with its own bearer check, on uvicorn.

`python -m benchmarks.floor_http PORT API TOKEN ISSUER AUDIENCE`: `fetch` passes on answers of the
API, for whoever has a token that the issuer signed.
"""

import sys

import httpx
import jwt
import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl

from benchmarks.floor import floor_server


class Verifier:
    """What a server of a few lines does: the signature, issuer, audience and time of a token."""

    def __init__(self, issuer: str, audience: str) -> None:
        told = httpx.get(f"{issuer}/jwks").raise_for_status().json()
        self._keys = {each["kid"]: jwt.PyJWK(each) for each in told["keys"]}
        self._issuer, self._audience = issuer, audience

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's person, or None."""
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token, key, algorithms=["RS256"], audience=self._audience, issuer=self._issuer
            )
        except (jwt.InvalidTokenError, KeyError):
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"],
            resource=self._audience,
            subject=claims["sub"],
        )


def main(port: str, api: str, token: str, issuer: str, audience: str) -> None:
    """Serve until a signal comes."""
    server = floor_server(
        api,
        token,
        verifier=Verifier(issuer, audience),
        auth=AuthSettings(
            issuer_url=AnyHttpUrl(issuer),
            resource_server_url=AnyHttpUrl(audience),
            required_scopes=["korus:browse"],
            validate_token_resource=True,
        ),
    )
    app = server.streamable_http_app(host="127.0.0.1")
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:6])
