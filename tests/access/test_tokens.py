"""Which tokens are taken, whose they are, and why others are not."""

import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from jwt import PyJWK

from korus_mcp.access.keys import UnknownKey
from korus_mcp.access.principal import Caller, person_of
from korus_mcp.access.tokens import LEEWAY_SECONDS, LONGEST_TOKEN, Refused, TokenJudge
from korus_mcp.foundation.clock import ShiftedClock
from tests.fixtures.provider import BUYING, FakeProvider, listed, signing_key

pytestmark = pytest.mark.anyio
NOW = int(time.time())
"""When the tests were collected: a test may come many minutes later."""
A_DAY = 86_400
PROVIDER = FakeProvider()


class Listed:
    """Keys that are listed, of three kinds."""

    def __init__(self) -> None:
        self._keys = {
            "one": listed("one"),
            "curve": listed("curve", "EC"),
            "edwards": listed("edwards", "OKP"),
        }

    async def of(self, name: str | None, algorithm: str) -> PyJWK:
        if name not in self._keys:
            raise UnknownKey("the provider does not list it")
        return PyJWK(self._keys[name], algorithm)


async def judged(token: str, **given: Any) -> Caller:
    named = {"issuer": PROVIDER.issuer, "audience": PROVIDER.audience, "keys": Listed(), **given}
    return await TokenJudge(**named).caller(token)


async def reason(token: str, **given: Any) -> str:
    with pytest.raises(Refused) as refused:
        await judged(token, **given)
    assert token not in str(refused.value)
    return str(refused.value)


async def test_a_good_token_names_a_person_and_what_it_allows() -> None:
    caller = await judged(PROVIDER.token(scope=BUYING))
    assert caller.principal == person_of(PROVIDER.issuer, "", "ada")
    assert caller.scopes == {"korus:browse", "korus:book"}
    assert (caller.subject, caller.client) == ("ada", "program-1")


async def test_the_person_is_the_same_in_every_program_and_another_at_another_issuer() -> None:
    one = await judged(PROVIDER.token())
    other = await judged(PROVIDER.token(client_id="program-2", scope="", jti="x"))
    assert one.principal == other.principal
    elsewhere = FakeProvider(issuer="https://other.example.test")
    there = await judged(elsewhere.token(), issuer=elsewhere.issuer)
    assert there.principal.key != one.principal.key
    assert there.principal.tenant != one.principal.tenant


async def test_no_parts_of_a_person_make_those_of_another() -> None:
    keys = {
        person_of(*parts).key
        for parts in [
            ("a", "b", "c"),
            ("a", "", "c"),
            ("a/b", "", "c"),
            ("a", "b/c", ""),
            ("a", "b", "c/"),
            ('a","b', "", "c"),
        ]
    }
    assert len(keys) == 6
    # The journal keeps it, and an issuer may choose an address as a subject.
    assert "ada@example.test" not in person_of("a", "b", "ada@example.test").key


@pytest.mark.parametrize(
    ("algorithm", "name", "kind"),
    [
        ("RS256", "one", "RSA"),
        ("RS512", "one", "RSA"),
        ("PS256", "one", "RSA"),
        ("ES256", "curve", "EC"),
        ("EdDSA", "edwards", "OKP"),
    ],
)
async def test_algorithms_of_public_keys_are_taken(algorithm: str, name: str, kind: str) -> None:
    signed = PROVIDER.token(key=signing_key(name, kind), algorithm=algorithm, header={"kid": name})
    assert (await judged(signed)).subject == "ada"


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "for somebody else": ({"aud": "https://other.example.test/mcp"}, "aud"),
    "for our origin and not for us": ({"aud": "https://tickets.example.test"}, "aud"),
    "for a list without us": ({"aud": ["account", "https://other.example.test"]}, "aud"),
    "for nobody": ({"without": ("aud",)}, "aud"),
    "for an empty list": ({"aud": []}, "aud"),
    "of another issuer": ({"iss": "https://evil.example.test"}, "iss"),
    "of our issuer with a slash": ({"iss": f"{PROVIDER.issuer}/"}, "iss"),
    "of no issuer": ({"without": ("iss",)}, "iss"),
    "expired": ({"exp": NOW - 60}, "expired"),
    "for ever": ({"without": ("exp",)}, "exp"),
    "not yet good": ({"nbf": NOW + A_DAY}, "not valid yet"),
    "made in the future": ({"iat": NOW + A_DAY}, "not valid yet"),
    "of nobody": ({"without": ("sub",)}, "sub"),
    "of an empty person": ({"sub": ""}, "sub"),
    "of a number": ({"sub": 7}, "InvalidSubjectError"),
    "of a person without end": ({"sub": "a" * 600}, "sub"),
    "of a key nobody knows": ({"header": {"kid": "two"}}, "list"),
    "signed by somebody else": ({"key": signing_key("evil")}, "signature"),
    "of a sign-out": ({"header": {"typ": "logout+jwt"}}, "typ"),
    "an odd type": ({"header": {"typ": 7}}, "typ"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_any_other_token_is_refused_with_its_reason(case: str) -> None:
    given, expected = REFUSED[case]
    assert expected in await reason(PROVIDER.token(**given))


async def test_clocks_may_differ_by_some_seconds() -> None:
    late = int(time.time()) + LEEWAY_SECONDS - 3
    assert (await judged(PROVIDER.token(nbf=late, iat=late))).subject == "ada"
    assert (await judged(PROVIDER.token(exp=int(time.time()) - 2))).subject == "ada"


def _unsigned(**header: Any) -> str:
    return jwt.encode({"sub": "ada"}, "", algorithm="none", headers=header)


async def test_forgeries_are_refused() -> None:
    assert "alg" in await reason(_unsigned(kid="one"))
    # The public key as a shared secret: the oldest forgery there is.
    shared = str(listed("one")["n"]).encode()
    confused = PROVIDER.token(key=shared, algorithm="HS256")
    assert "alg" in await reason(confused)
    head, body, signature = PROVIDER.token().split(".")
    other = PROVIDER.token(sub="eve").split(".")[1]
    assert "signature" in await reason(f"{head}.{other}.{signature}")
    assert "signature" in await reason(f"{head}.{body}.")


@pytest.mark.parametrize("token", ["", "opaque", "a.b", "a.b.c", "a.b.c.d.e", "é.é.é", "." * 40])
async def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Refused):
        await judged(token)


async def test_a_token_without_end_is_not_read() -> None:
    assert str(LONGEST_TOKEN) in await reason(PROVIDER.token(more="a" * LONGEST_TOKEN))


async def test_our_address_may_stand_anywhere_in_the_audience_and_end_in_a_slash() -> None:
    for audience in (
        ["account", PROVIDER.audience],
        [PROVIDER.audience, "https://id.example.test/userinfo"],
        f"{PROVIDER.audience}/",
    ):
        assert (await judged(PROVIDER.token(aud=audience))).subject == "ada"


@pytest.mark.parametrize("tenant", [None, "", 7, ["a"], "x" * 600])
async def test_where_there_are_tenants_a_token_names_one(tenant: Any) -> None:
    assert "tid" in await reason(PROVIDER.token(tid=tenant), tenant_claim="tid")
    one, other = [
        await judged(PROVIDER.token(tid=each), tenant_claim="tid") for each in ("one", "other")
    ]
    assert one.principal.tenant != other.principal.tenant
    assert one.principal.subject != other.principal.subject


SHAPES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Keycloak": (
        {"issuer": "https://kc.example.test/realms/desk", "audience": PROVIDER.audience},
        {
            "header": {"typ": "JWT"},
            "without": ("client_id",),
            "typ": "Bearer",
            "azp": "claude-desktop",
            "aud": [PROVIDER.audience, "account"],
            "acr": "1",
            "sid": "0b6f3a6e",
            "realm_access": {"roles": ["offline_access", "uma_authorization"]},
            "resource_access": {"account": {"roles": ["view-profile"]}},
            "scope": f"openid profile {BUYING}",
            "preferred_username": "ada",
            "email": "ada@example.test",
        },
    ),
    "Entra ID, version 2": (
        {
            "issuer": "https://login.microsoftonline.com/5c1e/v2.0",
            "audience": "9b1c2a3d-0000-4000-8000-000000000001",
            "tenant_claim": "tid",
        },
        {
            "header": {"typ": "JWT"},
            "without": ("scope", "client_id"),
            "azp": "04b07795",
            "azpacr": "0",
            "aio": "AVQAq",
            "oid": "00000000-0000-0000-66f3-3332eca7ea81",
            "tid": "5c1e",
            "scp": BUYING,
            "ver": "2.0",
            "aud": "9b1c2a3d-0000-4000-8000-000000000001",
        },
    ),
    "Entra ID, version 1, with a role": (
        {
            "issuer": "https://sts.windows.net/5c1e/",
            "audience": "https://tickets.example.test/mcp",
            "tenant_claim": "tid",
        },
        {
            "header": {"typ": "JWT", "x5t": "abc"},
            "without": ("scope", "client_id"),
            "appid": "04b07795",
            "tid": "5c1e",
            "scp": "korus:browse",
            "roles": ["korus:book"],
            "ver": "1.0",
        },
    ),
    "Auth0": (
        {"issuer": "https://desk.eu.auth0.com/", "audience": PROVIDER.audience},
        {
            "header": {"typ": "at+jwt"},
            "without": ("client_id",),
            "sub": "auth0|5f7c",
            "azp": "kT0x",
            "aud": [PROVIDER.audience, "https://desk.eu.auth0.com/userinfo"],
            "scope": f"openid profile {BUYING} offline_access",
            "permissions": ["korus:browse"],
        },
    ),
    "oidc-provider": (
        {"issuer": "http://127.0.0.1:3000", "audience": PROVIDER.audience},
        {"jti": "Yl0", "scope": BUYING},
    ),
    "Okta": (
        {"issuer": "https://desk.okta.com/oauth2/default", "audience": PROVIDER.audience},
        {
            "header": {"typ": None},
            "without": ("scope", "client_id"),
            "cid": "0oa1",
            "uid": "00u1",
            "scp": ["openid", *BUYING.split()],
        },
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_tokens_have_the_shapes_that_providers_give_them(shape: str) -> None:
    where, claims = SHAPES[shape]
    provider = FakeProvider(issuer=where["issuer"])
    caller = await judged(provider.token(**claims), **where)
    assert {"korus:browse", "korus:book"} <= caller.scopes
    assert "korus:orders:read.tenant" not in caller.scopes
    assert caller.client not in ("", "program-1") or shape == "oidc-provider"


async def test_what_a_token_of_an_identity_allows_is_nothing() -> None:
    """An ID token of a program that has the same name as this server."""
    allowed = await judged(PROVIDER.token(without=("scope",), nonce="n", at_hash="h"))
    assert allowed.scopes == frozenset()


@pytest.mark.parametrize("scope", [None, 7, {"korus:book": True}, [7, None], "korus:booking"])
async def test_a_scope_that_is_none_allows_nothing_of_ours(scope: Any) -> None:
    assert "korus:book" not in (await judged(PROVIDER.token(scope=scope))).scopes


class KeptKeys(Listed):
    """The same keys as the same objects, until they are read anew."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[str | None, PyJWK] = {}

    async def of(self, name: str | None, algorithm: str) -> PyJWK:
        if name not in self.made:
            self.made[name] = await super().of(name, algorithm)
        return self.made[name]

    def take_back(self, name: str) -> None:
        """The provider lists another key by this name."""
        self._keys[name] = {**listed("two"), "kid": name}
        self.made.clear()


def kept_judge(**given: Any) -> TokenJudge:
    named: dict[str, Any] = {"keys": KeptKeys(), **given}
    return TokenJudge(issuer=PROVIDER.issuer, audience=PROVIDER.audience, **named)


async def test_a_token_that_was_taken_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, token = kept_judge(), PROVIDER.token()
    first = await judge.caller(token)
    monkeypatch.setattr(jwt, "decode", None)
    assert await judge.caller(token) is first


async def test_a_token_that_was_taken_is_judged_again_once_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ShiftedClock()
    judge, token = kept_judge(clock=clock), PROVIDER.token(exp=int(time.time()) + 300)
    await judge.caller(token)

    def expired(*_: object, **__: object) -> None:
        raise jwt.ExpiredSignatureError

    monkeypatch.setattr(jwt, "decode", expired)
    clock.advance(300 + LEEWAY_SECONDS - 60)
    await judge.caller(token)
    clock.advance(120)
    with pytest.raises(Refused, match="has expired"):
        await judge.caller(token)


async def test_a_token_that_was_taken_is_refused_once_its_key_was_taken_back() -> None:
    keys = KeptKeys()
    judge, token = kept_judge(keys=keys), PROVIDER.token()
    await judge.caller(token)
    keys.take_back("one")
    with pytest.raises(Refused, match="signature is wrong"):
        await judge.caller(token)


async def test_a_token_that_was_taken_vouches_for_no_other() -> None:
    judge, token = kept_judge(), PROVIDER.token()
    await judge.caller(token)
    head, body, signature = token.split(".")
    other = jwt.encode(
        {**jwt.decode(token, options={"verify_signature": False}), "sub": "bo"}, "k" * 32
    )
    for forged in (
        f"{head}.{other.split('.')[1]}.{signature}",
        f"{head}.{body}.{'A' * len(signature)}",
    ):
        with pytest.raises(Refused, match="signature is wrong"):
            await judge.caller(forged)


async def test_refused_tokens_are_not_remembered() -> None:
    judge = kept_judge()
    for _ in range(3):
        with pytest.raises(Refused):
            await judge.caller(PROVIDER.token(aud="https://elsewhere.example.test"))
    assert not judge._taken
