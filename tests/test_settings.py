"""Which world, which defaults, what refuses to start: every row of the table of settings."""

import os
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import get_type_hints

import pytest
import trustme

from korus_mcp.app import catalog_files
from korus_mcp.catalog.file import VERSION
from korus_mcp.commands.cli import main
from korus_mcp.foundation.origins import is_loopback
from korus_mcp.journal.opening import journal_url
from korus_mcp.server.composition import api_config
from korus_mcp.settings import (
    DEMO_API,
    LEAST_KEY,
    PRODUCTION_API,
    PRODUCTION_TOKEN,
    SETTINGS,
    Approval,
    Content,
    Environment,
    Misconfigured,
    Profile,
    Scope,
    Setting,
    Settings,
    read_settings,
)

ACCOUNT = {"KORUS_CLIENT_ID": "shop", "KORUS_CLIENT_SECRET": "canary-secret"}
TOKEN = {"KORUS_TOKEN_URL": "https://auth.example.test/token"}
DEMO = {"KORUS_ENVIRONMENT": "demo", **ACCOUNT, **TOKEN}
PRODUCTION = {"KORUS_ENVIRONMENT": "production", **ACCOUNT}
GATES = {
    "KORUS_APPROVAL": "two_step",
    "KORUS_MAX_ORDER_AMOUNT": "200",
    "KORUS_MAX_DAY_AMOUNT": "900",
}
LOOPBACK = "http://127.0.0.1:8080"


def problems(environ: dict[str, str]) -> str:
    with pytest.raises(Misconfigured) as refused:
        read_settings(environ)
    return " ".join(refused.value.problems)


# Which world am I in?


def test_nothing_set_is_the_embedded_sandbox() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert (settings.language, settings.languages) == ("en", ("en",))
    assert settings.environment is Environment.SANDBOX
    assert settings.embedded


def test_english_is_for_the_embedded_sandbox_alone_and_what_is_set_wins() -> None:
    served = {
        "KORUS_ENVIRONMENT": "sandbox",
        "KORUS_API_URL": LOOPBACK,
        "KORUS_TOKEN_URL": f"{LOOPBACK}/token",
        "KORUS_CLIENT_ID": "x",
        "KORUS_CLIENT_SECRET": "y",
    }
    for given in (DEMO, PRODUCTION, served):
        assert read_settings(given).language == "fr"
    assert read_settings({"KORUS_LANGUAGE": "fr"}).language == "fr"
    assert read_settings({"KORUS_LANGUAGES": "fr,de"}).language == "en"


def test_other_variables_and_empty_ones_count_as_nothing_set() -> None:
    given = {"PATH": "x", "KORUS_ENVIRONMENT": "", "KORUS_CLIENT_ID": "  ", "KORUS_API_URL": ""}
    assert read_settings(given) == Settings()


@pytest.mark.parametrize(
    "given",
    [
        {"KORUS_CLIENT_ID": "shop"},
        {"KORUS_CLIENT_SECRET": "canary-secret"},
        {"KORUS_CLIENT_SECRET_FILE": "somewhere"},
        {"KORUS_API_URL": PRODUCTION_API},
        TOKEN,
        ACCOUNT,
    ],
)
def test_credentials_or_an_address_without_an_environment_do_not_start(
    given: dict[str, str],
) -> None:
    found = problems(given)
    assert "KORUS_ENVIRONMENT" in found
    assert all(name.removesuffix("_FILE") in found for name in given)
    assert "canary" not in found


@pytest.mark.parametrize("missing", ["KORUS_CLIENT_ID", "KORUS_CLIENT_SECRET"])
@pytest.mark.parametrize("world", [DEMO, PRODUCTION])
def test_a_missing_credential_is_named(world: dict[str, str], missing: str) -> None:
    found = problems({name: value for name, value in world.items() if name != missing})
    assert f"needs {missing}." in found


def test_all_missing_parts_are_named_at_once() -> None:
    assert "demo needs KORUS_TOKEN_URL, KORUS_CLIENT_ID, KORUS_CLIENT_SECRET." in problems(
        {"KORUS_ENVIRONMENT": "demo"}
    )
    assert "production needs KORUS_CLIENT_ID, KORUS_CLIENT_SECRET." in problems(
        {"KORUS_ENVIRONMENT": "production"}
    )


def test_the_demo_token_address_is_required_because_it_is_not_published() -> None:
    assert "demo needs KORUS_TOKEN_URL." in problems({"KORUS_ENVIRONMENT": "demo", **ACCOUNT})


def test_a_sandbox_on_loopback_needs_its_account_and_token_address() -> None:
    found = problems({"KORUS_ENVIRONMENT": "sandbox", "KORUS_API_URL": LOOPBACK})
    assert "sandbox needs KORUS_TOKEN_URL, KORUS_CLIENT_ID, KORUS_CLIENT_SECRET." in found


def test_demo_and_production_know_their_origin() -> None:
    demo, production = read_settings(DEMO), read_settings(PRODUCTION)
    assert (demo.api_url, demo.token_url) == (DEMO_API, TOKEN["KORUS_TOKEN_URL"])
    assert (production.api_url, production.token_url) == (PRODUCTION_API, PRODUCTION_TOKEN)
    assert not demo.embedded
    assert not production.embedded


def test_a_sandbox_by_name_without_an_address_is_embedded() -> None:
    assert read_settings({"KORUS_ENVIRONMENT": "sandbox"}).embedded


ORIGINS = {
    "demo host": DEMO_API,
    "demo host with its port": f"{DEMO_API}:443",
    "demo host in capitals": "https://API.Demo.KorusTicket.com/",
    "demo host with another port": f"{DEMO_API}:8443",
    "demo host with the root dot": "https://api.demo.korusticket.com.",
    "production host": PRODUCTION_API,
    "another host": "https://korus.example.test",
    "loopback address": LOOPBACK,
    "loopback over https": "https://localhost:8443",
    "loopback of version 6": "http://[::1]:8080",
}
_DEMO_HOSTS = {name for name in ORIGINS if name.startswith("demo")}
_LOOPBACKS = {name for name in ORIGINS if name.startswith("loopback")}
FITTING = {
    "sandbox": _LOOPBACKS,
    "demo": (_DEMO_HOSTS | _LOOPBACKS) - {"demo host with another port"},
    "production": set(ORIGINS) - _DEMO_HOSTS - _LOOPBACKS,
}


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("label", FITTING)
def test_label_and_origin_must_agree(label: str, origin: str) -> None:
    given = {
        "KORUS_ENVIRONMENT": label,
        "KORUS_API_URL": ORIGINS[origin],
        **ACCOUNT,
        **TOKEN,
    }
    if origin in FITTING[label]:
        assert read_settings(given).environment == label
    else:
        assert f"KORUS_ENVIRONMENT={label} does not fit the origin" in problems(given)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("KORUS_API_URL", "http://korus.example.test"),
        ("KORUS_TOKEN_URL", "http://auth.example.test/token"),
        ("KORUS_API_URL", "http://127.0.0.1.example.test"),
        ("KORUS_API_URL", "http://0.0.0.0:8080"),
        ("KORUS_API_URL", "http://[::ffff:10.0.0.1]:8080"),
    ],
)
def test_plain_http_is_accepted_for_loopback_only(name: str, address: str) -> None:
    assert f"{name} may use http:// for loopback only." in problems({**PRODUCTION, name: address})


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("korus.example.test", "must be an https address"),
        ("ftp://korus.example.test", "must be an https address"),
        ("https://", "must be an https address"),
        (
            "https://canary:canary@korus.example.test",
            "must not hold a user name, a query or a fragment",
        ),
        ("https://korus.example.test#x", "must not hold a user name, a query or a fragment"),
        ("https://korus.example.test:99999", "is not an address"),
        ("https://[::1", "is not an address"),
        ("https://korus.example.test/v1", "must be an origin"),
        ("https://korus.example.test?canary=1", "must not hold a user name, a query or a fragment"),
    ],
)
def test_an_address_that_is_no_origin_is_refused(address: str, problem: str) -> None:
    found = problems({**PRODUCTION, "KORUS_API_URL": address})
    assert f"KORUS_API_URL {problem}" in found
    assert "canary" not in found


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback_is_known_by_name_and_number(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example.test", "10.0.0.1", "0.0.0.0", "::", ""])
def test_what_may_mean_another_machine_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


# The table of settings


def test_the_defaults_are_those_of_the_table() -> None:
    settings = read_settings(DEMO)
    assert settings.document_hosts == {"storage.googleapis.com"}
    assert (settings.language, settings.languages) == ("fr", ("fr",))
    assert settings.profile is Profile.BROWSE
    assert settings.scope is Scope.OWN
    assert settings.approval is Approval.AUTO
    assert settings.max_order_amount == Decimal(1000)
    assert settings.max_day_amount == Decimal(5000)
    assert settings.max_tickets == 50
    assert settings.catalogs is None
    assert settings.tools is None
    assert settings.cache_dir is None
    assert settings.database_url is None
    assert settings.download_dir is None
    assert settings.journal_key is None
    assert settings.sole_writer is False
    assert settings.settle_seconds == 300
    assert settings.shutdown_seconds == 30
    assert settings.content is Content.BOTH
    assert settings.sandbox_bases == 0
    assert settings.sandbox_seed is None
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("environ", "profile", "scope"),
    [
        ({}, Profile.BUYER, Scope.OWN),
        (DEMO, Profile.BROWSE, Scope.OWN),
        (PRODUCTION, Profile.BROWSE, Scope.OWN),
        ({"KORUS_PROFILE": "service-desk"}, Profile.SERVICE_DESK, Scope.ACCOUNT),
        (
            {"KORUS_PROFILE": "service-desk", "KORUS_SCOPE": "own"},
            Profile.SERVICE_DESK,
            Scope.OWN,
        ),
        ({"KORUS_PROFILE": "browse", "KORUS_SCOPE": "account"}, Profile.BROWSE, Scope.ACCOUNT),
    ],
)
def test_profile_and_scope_follow_from_the_world(
    environ: dict[str, str], profile: Profile, scope: Scope
) -> None:
    settings = read_settings(environ)
    assert (settings.profile, settings.scope) == (profile, scope)


def test_every_variable_is_read(tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authorities))
    settings = read_settings(
        {
            **DEMO,
            "SSL_CERT_FILE": str(authorities),
            "SSL_CERT_DIR": str(tmp_path),
            "HTTPS_PROXY": "http://proxy.example.test:3128",
            "NO_PROXY": "example.test",
            "KORUS_TRUST_ENV": "1",
            "KORUS_API_URL": f"{DEMO_API}/",
            "KORUS_DOCUMENT_HOSTS": "a.example.test, 127.0.0.1:9000",
            "KORUS_LANGUAGE": "de",
            "KORUS_LANGUAGES": "en,fr,",
            "KORUS_PROFILE": "Service-Desk",
            "KORUS_SCOPE": "account",
            "KORUS_APPROVAL": "human",
            "KORUS_MAX_ORDER_AMOUNT": "99.50",
            "KORUS_MAX_DAY_AMOUNT": "400",
            "KORUS_MAX_TICKETS": "4",
            "KORUS_MAX_OPEN_HOLDS": "7",
            "KORUS_CALLS_PER_MINUTE": "0",
            "KORUS_WRITES_PER_MINUTE": "9",
            "KORUS_READS_PER_SECOND": "50",
            "KORUS_CATALOGS": "abcdef,ghijkl",
            "KORUS_CACHE_DIR": "cache",
            "KORUS_DATABASE_URL": "postgresql://db.example.test/korus",
            "KORUS_DOWNLOAD_DIR": "downloads",
            "KORUS_JOURNAL_KEY": "canary-key-of-thirty-two-characters",
            "KORUS_SOLE_WRITER": "true",
            "KORUS_SETTLE_SECONDS": "120",
            "KORUS_ANSWER_SECONDS": "4",
            "KORUS_SHUTDOWN_SECONDS": "0",
            "KORUS_MCP_CONTENT": "text",
            "KORUS_MCP_LINKS": "on",
            "KORUS_MCP_ALLOWED_HOSTS": "MCP.Example.test, 192.0.2.1:8443,[2001:db8::1],",
            "KORUS_MCP_ALLOWED_ORIGINS": "HTTPS://Chat.example.test:443, http://localhost:5173,",
            "KORUS_AUTH_ISSUER": "https://id.example.test",
            "KORUS_PUBLIC_URL": "https://tickets.example.test/mcp",
            "KORUS_AUTH_AUDIENCE": "tickets",
            "KORUS_AUTH_KEYS_URL": "https://id.example.test/keys",
            "KORUS_AUTH_TENANT_CLAIM": "tid",
            "KORUS_AUTH_ASK_SCOPES": "korus:browse",
            "KORUS_AUTH_CLIENT_ID": "korus-page",
            "KORUS_AUTH_CLIENT_SECRET": "canary-client-secret",
            "KORUS_LOG": "json",
            "KORUS_LOG_LEVEL": "debug",
            "KORUS_METRICS_PORT": "9464",
            "KORUS_METRICS_HOST": "0.0.0.0",
            "KORUS_OTLP_ENDPOINT": "http://collector.example.test:4318",
            "KORUS_SANDBOX_BASES": "10",
            "KORUS_SANDBOX_DIR": "sandbox",
            "KORUS_SANDBOX_SEED": "0",
        }
    )
    changed = {f.name for f in fields(Settings) if getattr(settings, f.name) != f.default}
    assert changed == {f.name for f in fields(Settings)} - {"tools", "warnings"}
    assert settings.api_url == DEMO_API
    assert settings.document_hosts == {"a.example.test", "127.0.0.1:9000"}
    assert settings.languages == ("en", "fr")
    assert settings.max_order_amount == Decimal("99.50")
    assert settings.allowed_hosts == ("mcp.example.test", "192.0.2.1:8443", "[2001:db8::1]")
    assert settings.allowed_origins == ("https://chat.example.test", "http://localhost:5173")
    assert settings.catalogs == ("abcdef", "ghijkl")
    assert settings.cache_dir == Path("cache")
    assert settings.sole_writer is True
    assert settings.http_proxy == "http://proxy.example.test:3128"
    assert settings.no_proxy == "example.test"
    assert settings.sandbox_seed == 0


@pytest.mark.parametrize("database", ["postgresql://db.example.test/korus", "sqlite:///journal.db"])
def test_nobody_is_the_sole_writer_who_does_not_say_so(database: str) -> None:
    given = {"KORUS_DATABASE_URL": database}
    assert not read_settings(given).sole_writer
    assert not read_settings({**given, "KORUS_SOLE_WRITER": "false"}).sole_writer
    assert read_settings({**given, "KORUS_SOLE_WRITER": "True"}).sole_writer


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KORUS_ENVIRONMENT", "staging"),
        ("KORUS_PROFILE", "admin"),
        ("KORUS_SCOPE", "all"),
        ("KORUS_APPROVAL", "never"),
        ("KORUS_MAX_ORDER_AMOUNT", "0"),
        ("KORUS_MAX_ORDER_AMOUNT", "-1"),
        ("KORUS_MAX_DAY_AMOUNT", "NaN"),
        ("KORUS_MAX_DAY_AMOUNT", "Infinity"),
        ("KORUS_MAX_DAY_AMOUNT", "lots"),
        ("KORUS_MAX_TICKETS", "0"),
        ("KORUS_MAX_TICKETS", "2.5"),
        ("KORUS_SETTLE_SECONDS", "119"),
        ("KORUS_ANSWER_SECONDS", "2"),
        ("KORUS_ANSWER_SECONDS", "61"),
        ("KORUS_SHUTDOWN_SECONDS", "-1"),
        ("KORUS_MCP_CONTENT", "xml"),
        ("KORUS_MCP_LINKS", "yes"),
        ("KORUS_MCP_ALLOWED_HOSTS", "*"),
        ("KORUS_MCP_ALLOWED_HOSTS", "*.example.test"),
        ("KORUS_MCP_ALLOWED_HOSTS", "https://mcp.example.test"),
        ("KORUS_MCP_ALLOWED_HOSTS", "mcp.example.test:99999"),
        ("KORUS_MCP_ALLOWED_HOSTS", "mcp.example.test/mcp"),
        ("KORUS_MCP_ALLOWED_ORIGINS", "*"),
        ("KORUS_MCP_ALLOWED_ORIGINS", "null"),
        ("KORUS_MCP_ALLOWED_ORIGINS", "chat.example.test"),
        ("KORUS_MCP_ALLOWED_ORIGINS", "https://chat.example.test/"),
        ("KORUS_MCP_ALLOWED_ORIGINS", "https://*.example.test"),
        ("KORUS_MCP_ALLOWED_ORIGINS", "https://chat.example.test:99999"),
        ("KORUS_MCP_ALLOWED_ORIGINS", "https://a..example.test"),
        ("KORUS_AUTH_ASK_SCOPES", 'korus:browse"'),
        ("KORUS_SOLE_WRITER", "maybe"),
        ("KORUS_TRUST_ENV", "maybe"),
        ("KORUS_HTTP_PROXY", "proxy.example.test:3128"),
        ("KORUS_HTTP_PROXY", "socks5://proxy.example.test"),
        ("KORUS_HTTP_PROXY", "http://me:p@ss@proxy.example.test"),
        ("KORUS_HTTP_PROXY", "http://proxy.example.test:99999"),
        ("KORUS_HTTP_PROXY", "http://proxy.example.test/path"),
        ("KORUS_SANDBOX_BASES", "-1"),
        ("KORUS_SANDBOX_SEED", "abc"),
        ("KORUS_DATABASE_URL", "mysql://db.example.test"),
        ("KORUS_DATABASE_URL", "sqlite:///:memory:"),
        ("KORUS_DATABASE_URL", "sqlite:///file:x?mode=memory&uri=true"),
        ("KORUS_DATABASE_URL", "sqlite:///"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    found = problems({name: value})
    assert found.startswith(f"{name} must ")
    assert value not in found.replace(name, "").split()


def test_a_wrong_environment_is_told_once_and_not_as_missing() -> None:
    found = problems({"KORUS_ENVIRONMENT": "staging", **ACCOUNT})
    assert found == "KORUS_ENVIRONMENT must be one of sandbox, demo, production."


def test_all_problems_are_told_at_once() -> None:
    given = {"KORUS_MAX_TICKETS": "0", "KORUS_SCOPE": "all", "KORUS_ENVIRONMENT": "demo"}
    found = problems(given)
    assert all(name in found for name in ("KORUS_MAX_TICKETS", "KORUS_SCOPE", "KORUS_CLIENT_ID"))


# Sign-in

SIGN_IN = {
    "KORUS_AUTH_ISSUER": "https://id.example.test/",
    "KORUS_PUBLIC_URL": "https://tickets.example.test/mcp",
}


def test_sign_in_is_on_with_an_issuer_and_an_address() -> None:
    settings = read_settings(SIGN_IN)
    # Letter by letter: with or without a slash it is another issuer.
    assert settings.auth_issuer == "https://id.example.test/"
    assert settings.public_url == "https://tickets.example.test/mcp"
    assert settings.auth_audience is None
    local = {"KORUS_AUTH_ISSUER": "http://127.0.0.1:3000", "KORUS_PUBLIC_URL": "http://[::1]:1/mcp"}
    assert read_settings(local).auth_issuer == "http://127.0.0.1:3000"
    asked = read_settings({**SIGN_IN, "KORUS_AUTH_ASK_SCOPES": " a  b:c "})
    assert asked.auth_ask_scopes == ("a", "b:c")


def test_where_people_sign_in_each_has_a_smaller_pace_unless_the_operator_says_so() -> None:
    alone, several = read_settings({}), read_settings(SIGN_IN)
    assert (alone.calls_per_minute, alone.writes_per_minute) == (600, 60)
    assert (several.calls_per_minute, several.writes_per_minute) == (60, 10)
    chosen = read_settings({**SIGN_IN, "KORUS_CALLS_PER_MINUTE": "0"})
    assert (chosen.calls_per_minute, chosen.writes_per_minute) == (0, 10)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KORUS_AUTH_ISSUER", "http://id.example.test"),
        ("KORUS_AUTH_ISSUER", "id.example.test"),
        ("KORUS_AUTH_KEYS_URL", "https://me@id.example.test"),
        ("KORUS_PUBLIC_URL", "https://tickets.example.test/mcp?a=b"),
    ],
)
def test_people_sign_in_over_https_alone_but_on_loopback(name: str, value: str) -> None:
    assert problems({**SIGN_IN, name: value}).startswith(name)


def test_half_of_a_sign_in_is_none() -> None:
    found = problems({"KORUS_AUTH_ISSUER": "https://id.example.test"})
    assert found == "KORUS_AUTH_ISSUER needs KORUS_PUBLIC_URL: tokens must name this server."
    found = problems({"KORUS_AUTH_AUDIENCE": "x", "KORUS_AUTH_TENANT_CLAIM": "tid"})
    assert found == "KORUS_AUTH_AUDIENCE, KORUS_AUTH_TENANT_CLAIM given, but not KORUS_AUTH_ISSUER."
    found = problems({"KORUS_PUBLIC_URL": "https://tickets.example.test/mcp"})
    assert found == "KORUS_PUBLIC_URL given, but not KORUS_AUTH_ISSUER."
    found = problems({**SIGN_IN, "KORUS_AUTH_CLIENT_SECRET": "canary-secret"})
    assert found == "KORUS_AUTH_CLIENT_SECRET needs KORUS_AUTH_CLIENT_ID."


@pytest.mark.parametrize("end", ["", "/"])
def test_the_address_of_a_server_has_the_path_at_which_it_answers(end: str) -> None:
    found = problems({**SIGN_IN, "KORUS_PUBLIC_URL": f"https://tickets.example.test:8443{end}"})
    assert found == (
        "KORUS_PUBLIC_URL needs the path at which the server answers: "
        "https://tickets.example.test:8443/mcp."
    )
    # A proxy may have another path for it.
    elsewhere = {"KORUS_PUBLIC_URL": "https://example.test/tickets"}
    assert read_settings({**SIGN_IN, **elsewhere}).public_url == "https://example.test/tickets"


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://Tickets.example.test:8443/mcp", "tickets.example.test"),
        ("https://[2001:db8::1]:8443/mcp", "[2001:db8::1]"),
    ],
)
def test_the_host_by_which_people_know_a_server_is_one_of_its_names(
    address: str, host: str
) -> None:
    settings = read_settings({**SIGN_IN, "KORUS_PUBLIC_URL": address})
    assert settings.served_hosts == (host,)
    listed = read_settings({**SIGN_IN, "KORUS_MCP_ALLOWED_HOSTS": "mcp.example.test"})
    assert listed.served_hosts == ("mcp.example.test", "tickets.example.test")
    assert read_settings({}).served_hosts == ()


def test_the_secret_of_the_page_may_stand_in_a_file_and_is_in_no_representation(
    tmp_path: Path,
) -> None:
    file = tmp_path / "secret"
    file.write_text("canary-secret\n", "utf-8")
    given = {"KORUS_AUTH_CLIENT_ID": "page", "KORUS_AUTH_CLIENT_SECRET_FILE": str(file)}
    settings = read_settings({**SIGN_IN, **given})
    assert (settings.auth_client_id, settings.auth_client_secret) == ("page", "canary-secret")
    assert "canary" not in repr(settings)


# Secrets and files


IN_FILES = {
    "KORUS_CLIENT_ID": "shop",
    "KORUS_CLIENT_SECRET": "canary-secret",
    "KORUS_HTTP_PROXY": "http://me:canary@proxy.example.test:3128",
    "KORUS_DATABASE_URL": "postgresql://korus:canary@db.example.test/korus",
    "KORUS_JOURNAL_KEY": "canary-key-of-thirty-two-characters",
    "KORUS_AUTH_CLIENT_SECRET": "canary-of-the-provider",
}


def test_every_secret_can_stand_in_a_file(tmp_path: Path) -> None:
    assert {s.name for s in SETTINGS if s.from_file} == IN_FILES.keys()
    assert {s.name for s in SETTINGS if s.secret} < IN_FILES.keys()
    around = {"KORUS_ENVIRONMENT": "production", **SIGN_IN, "KORUS_AUTH_CLIENT_ID": "korus-mcp"}
    given = dict(around)
    for name, value in IN_FILES.items():
        file = tmp_path / name
        file.write_text(f"{value}\n", "utf-8")
        given[f"{name}_FILE"] = str(file)
    assert read_settings(given) == read_settings({**around, **IN_FILES})


@pytest.mark.parametrize("name", ["KORUS_DATABASE_URL", "KORUS_HTTP_PROXY"])
def test_a_wrong_address_in_a_file_is_refused_without_a_word_of_it(
    name: str, tmp_path: Path
) -> None:
    file = tmp_path / "address"
    file.write_text("mysql://me:canary@db.example.test", "utf-8")
    found = problems({f"{name}_FILE": str(file)})
    assert found.startswith(f"{name} must ")
    assert "canary" not in found
    assert "are both set" in problems({f"{name}_FILE": str(file), name: IN_FILES[name]})


def test_what_is_no_secret_has_no_file(tmp_path: Path) -> None:
    file = tmp_path / "address"
    file.write_text("https://canary.example.test", "utf-8")
    settings = read_settings({**PRODUCTION, "KORUS_API_URL_FILE": str(file)})
    assert settings.api_url == PRODUCTION_API
    assert settings.warnings == (
        "KORUS_API_URL_FILE is not a setting of korus-mcp and is ignored.",
    )


# What programs leave behind where nothing was filled in

UNFILLED = ["${user_config.journal_key}", "${input:korus-key}", " ${env:KORUS_KEY} ", "${}"]


@pytest.mark.parametrize("placeholder", UNFILLED)
@pytest.mark.parametrize("name", [s.name for s in SETTINGS])
def test_a_placeholder_is_no_value(name: str, placeholder: str) -> None:
    settings = read_settings({name: placeholder})
    (warning,) = settings.warnings
    assert warning.startswith(f"{name} counts as not set: it is a placeholder like ${{...}} ")
    assert replace(settings, warnings=()) == Settings()


def test_a_placeholder_is_told_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORUS_JOURNAL_KEY", UNFILLED[0])
    assert main(["catalog", "status"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("korus-mcp: KORUS_JOURNAL_KEY counts as not set")
    assert "user_config" not in said.out + said.err


@pytest.mark.parametrize("value", ["a${b}", "${a}${b}", "$HOME", "{a}", "${a"])
def test_what_only_looks_a_little_like_a_placeholder_is_a_value(value: str) -> None:
    assert read_settings({**PRODUCTION, "KORUS_CLIENT_SECRET": value}).client_secret == value


def test_a_placeholder_does_not_stand_in_for_a_credential(tmp_path: Path) -> None:
    given = {**PRODUCTION, "KORUS_CLIENT_SECRET": "${CANARY}"}
    assert problems(given) == "production needs KORUS_CLIENT_SECRET."
    file = tmp_path / "secret"
    file.write_text("${CANARY}\n", "utf-8")
    found = problems(credential(file))
    assert "KORUS_CLIENT_SECRET_FILE holds a placeholder" in found
    assert "CANARY" not in found


# The key that signs the journal


def test_a_short_key_is_warned_of_and_may_not_begin_a_journal() -> None:
    short = read_settings({"KORUS_JOURNAL_KEY": "canary" * 5})
    assert not short.may_sign_anew
    (warning,) = short.warnings
    assert warning.startswith("KORUS_JOURNAL_KEY has fewer than 32 characters")
    assert "canary" not in warning
    for fine in ({"KORUS_JOURNAL_KEY": "k" * LEAST_KEY}, {}):
        settings = read_settings(fine)
        assert settings.may_sign_anew
        assert not settings.warnings


def test_a_credential_given_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_text("x", "utf-8")
    given = {**PRODUCTION, "KORUS_CLIENT_SECRET_FILE": str(file)}
    assert "KORUS_CLIENT_SECRET and KORUS_CLIENT_SECRET_FILE are both set" in problems(given)


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "does not exist"), (b"\xff\xfe\xff", "cannot be read: it is no"), (b" \n", "is empty")],
)
def test_a_file_without_a_credential_is_refused(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "credential"
    if content is not None:
        file.write_bytes(content)
    given = {k: v for k, v in PRODUCTION.items() if k != "KORUS_CLIENT_SECRET"}
    found = problems({**given, "KORUS_CLIENT_SECRET_FILE": str(file)})
    assert f"KORUS_CLIENT_SECRET_FILE {problem}" in found
    assert str(tmp_path) not in found


def test_secrets_never_show() -> None:
    secrets = {
        "KORUS_CLIENT_SECRET": "canary-secret",
        "KORUS_JOURNAL_KEY": "canary-key",
        "KORUS_HTTP_PROXY": "http://me:canary-proxy@proxy.example.test:3128",
        "KORUS_DATABASE_URL": "postgresql://korus:canary-password@db.example.test/korus",
        "KORUS_AUTH_CLIENT_SECRET": "canary-page",
    }
    given = {**PRODUCTION, **SIGN_IN, "KORUS_AUTH_CLIENT_ID": "page", **secrets}
    settings = read_settings(given)
    assert "canary" not in f"{settings!r} {settings!s}"
    wrong = {**given, "KORUS_SCOPE": "all", "KORUS_API_URL": DEMO_API}
    with pytest.raises(Misconfigured) as refused:
        read_settings(wrong)
    assert "canary" not in f"{refused.value!r} {refused.value!s} {refused.value.problems}"
    marked = {s.name for s in SETTINGS if s.secret}
    assert marked == set(secrets)


# Names


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("KORUS_ENVIROMENT", "KORUS_ENVIRONMENT"),
        ("KORUS_CLIENT_SECRET_FIEL", "KORUS_CLIENT_SECRET_FILE"),
        ("KORUS_MAX_ORDER_AMOUNTS", "KORUS_MAX_ORDER_AMOUNT"),
    ],
)
def test_a_misspelt_name_does_not_start(written: str, meant: str) -> None:
    assert f"{written} is not a setting; did you mean {meant}?" in problems({written: "canary"})


def test_a_foreign_name_is_only_warned_of() -> None:
    settings = read_settings({"KORUS_SOMETHING_ELSE_ENTIRELY": "canary"})
    assert settings.warnings == (
        "KORUS_SOMETHING_ELSE_ENTIRELY is not a setting of korus-mcp and is ignored.",
    )


# The gates before real money


@pytest.mark.parametrize("profile", ["buyer", "service-desk"])
@pytest.mark.parametrize("missing", list(GATES))
def test_buying_in_production_needs_every_gate(profile: str, missing: str) -> None:
    given = {**PRODUCTION, **GATES, "KORUS_PROFILE": profile}
    del given[missing]
    assert f"production with a buying profile needs {missing}:" in problems(given)


def test_buying_in_production_starts_with_all_gates() -> None:
    settings = read_settings({**PRODUCTION, **GATES, "KORUS_PROFILE": "buyer"})
    assert settings.profile is Profile.BUYER
    assert settings.max_order_amount == Decimal(200)
    assert settings.max_day_amount == Decimal(900)
    assert settings.approval is Approval.TWO_STEP


def test_demo_and_sandbox_need_no_gates() -> None:
    assert read_settings({**DEMO, "KORUS_PROFILE": "buyer"}).approval is Approval.AUTO
    assert read_settings({"KORUS_PROFILE": "service-desk"}).max_order_amount == Decimal(1000)


# Narrowing


def test_the_command_line_narrows_profile_and_tools() -> None:
    settings = Settings(profile=Profile.SERVICE_DESK)
    assert settings.narrowed(profile=Profile.BROWSE).profile is Profile.BROWSE
    assert settings.narrowed(tools=("get_offers",)).tools == ("get_offers",)
    narrowed = settings.narrowed(profile=Profile.BUYER, tools=("reserve",))
    assert (narrowed.profile, narrowed.tools) == (Profile.BUYER, ("reserve",))
    assert settings.narrowed() == settings


@pytest.mark.parametrize(
    ("allowed", "wished"),
    [
        (Profile.BROWSE, Profile.BUYER),
        (Profile.BROWSE, Profile.SERVICE_DESK),
        (Profile.BUYER, Profile.SERVICE_DESK),
    ],
)
def test_the_command_line_never_widens(allowed: Profile, wished: Profile) -> None:
    with pytest.raises(Misconfigured, match="may only narrow"):
        Settings(profile=allowed).narrowed(profile=wished)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KORUS_LANGUAGE", "fran\u00e7ais"),
        ("KORUS_LANGUAGES", "fr,english please"),
        ("KORUS_LANGUAGES", ",".join(f"q{a}{b}" for a in "abcdef" for b in "abcdef")),
        ("KORUS_CATALOGS", "Theme park"),
        ("KORUS_DOCUMENT_HOSTS", "https://storage.example.test"),
        ("KORUS_DOCUMENT_HOSTS", "storage.example.test:8443"),
        ("KORUS_TOKEN_URL", "https://auth.example.test/token?canary=1"),
    ],
)
def test_a_value_the_client_could_not_use_is_refused_at_start(name: str, value: str) -> None:
    assert f"{name} must" in problems({**PRODUCTION, name: value})


def test_hosts_and_languages_are_read_in_lower_case() -> None:
    settings = read_settings(
        {**PRODUCTION, "KORUS_DOCUMENT_HOSTS": "Storage.Example.Test", "KORUS_LANGUAGE": "EN"}
    )
    assert settings.document_hosts == {"storage.example.test"}
    assert settings.language == "en"


def test_narrowing_to_no_tool_at_all_is_refused() -> None:
    with pytest.raises(Misconfigured, match="names no tool"):
        Settings().narrowed(tools=())


def test_a_service_desk_narrowed_to_a_buyer_sees_its_own_orders_only() -> None:
    desk = read_settings({"KORUS_PROFILE": "service-desk"})
    assert desk.scope is Scope.ACCOUNT
    assert desk.narrowed(profile=Profile.BUYER).scope is Scope.OWN
    assert desk.narrowed(profile=Profile.SERVICE_DESK).scope is Scope.ACCOUNT


# Numbers and addresses are held to their bounds at the start

NUMBERS = [s for s in SETTINGS if s.most]


def test_every_setting_that_is_a_number_has_bounds() -> None:
    kinds = get_type_hints(Settings)
    numbers = {f"KORUS_{n.upper()}" for n, k in kinds.items() if k in (int, Decimal, int | None)}
    assert {s.name for s in NUMBERS} == numbers


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda s: s.name)
@pytest.mark.parametrize(
    "value",
    [
        "99999999999999",
        "9" * 5000,
        "1e999999999",
        "1_000",
        "\u0663\u0663\u0663",
        "-1",
        "+5",
        "0x10",
        "1.5.0",
    ],
)
def test_a_number_out_of_its_bounds_is_refused_with_them(setting: Setting, value: str) -> None:
    found = problems({setting.name: value})
    assert found.startswith(f"{setting.name} must be ")
    assert found.endswith(f" from {setting.least} to {setting.most}.")
    assert value not in found.split()


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda s: s.name)
def test_a_number_may_be_at_its_bounds_and_no_further(setting: Setting) -> None:
    day = {"KORUS_MAX_DAY_AMOUNT": "100000000"}
    for value in (setting.least, setting.most):
        settings = read_settings({**day, setting.name: str(value)})
        assert getattr(settings, setting.name.removeprefix("KORUS_").lower()) == value
    assert setting.name in problems({**day, setting.name: str(setting.most + 1)})


@pytest.mark.parametrize(
    "given",
    [
        {"KORUS_MAX_ORDER_AMOUNT": "901", "KORUS_MAX_DAY_AMOUNT": "900"},
        {"KORUS_MAX_ORDER_AMOUNT": "900.01", "KORUS_MAX_DAY_AMOUNT": "900"},
        {"KORUS_MAX_ORDER_AMOUNT": "5001"},
        {**PRODUCTION, **GATES, "KORUS_PROFILE": "buyer", "KORUS_MAX_ORDER_AMOUNT": "1000"},
    ],
)
def test_an_order_limit_above_that_of_a_day_is_refused(given: dict[str, str]) -> None:
    assert "KORUS_MAX_ORDER_AMOUNT must not pass KORUS_MAX_DAY_AMOUNT" in problems(given)


def test_a_low_limit_of_a_day_holds_for_an_order_too() -> None:
    settings = read_settings({"KORUS_MAX_DAY_AMOUNT": "120"})
    assert settings.max_order_amount == settings.max_day_amount == Decimal(120)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:canary@ss:x@host/x",
        "postgresql://u:canary@ss@host/x",
        "postgresql://u:can/ary@host/x",
        "postgresql://u:canary@host:port/x",
        "postgresql://u:canary@host:99999/x",
        "postgresql://u:canary%zz@host/x",
        "postgresql://u:canary@host/x?sslmod=require",
        "postgresql://u:canary@host/x?sslmode=canary",
        "postgresql://u:canary@[::g]/x y",
        "sqlite:////srv/canary.sqlite?timeout=5",
        "sqlite:////srv/canary.sqlite#2",
        "sqlite:///.",
        "sqlite:////",
        "sqlite:///canary/..",
        "sqlite:///canary%FF",
        "postgresql://u:canary%00@host/x",
        "postgresql://u%FF:canary@host/x",
        "postgresql://u:canary@host/x?port=canary",
        "postgresql://u:canary@host/x?port=99999",
        "postgresql://u:canary@host/x?host=",
        "postgresql://u:canary@host/x?target_session_attrs=canary",
    ],
)
def test_an_address_of_a_journal_that_cannot_be_read_is_refused_without_a_word_of_it(
    url: str,
) -> None:
    found = problems({"KORUS_DATABASE_URL": url})
    assert found.startswith("KORUS_DATABASE_URL must ")
    assert "canary" not in found


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example.test/korus",
        "postgresql://u:p%40ss%3Ax@db.example.test:5432/korus?sslmode=verify-full",
        "postgresql://u:!$&*()=+;,~'@[::1]:5432/korus",
        "postgresql:///korus?host=/var/run/postgresql",
        "postgresql://u@/korus?host=a.test,b.test&port=5432,5433&target_session_attrs=primary",
        "sqlite:////srv/my%20folder/journal.sqlite",
        "sqlite:///journal.sqlite",
    ],
)
def test_an_address_of_a_journal_that_can_be_read_is_taken_as_it_is(url: str) -> None:
    assert read_settings({"KORUS_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("name", ["KORUS_CLIENT_SECRET", "KORUS_JOURNAL_KEY", "KORUS_CACHE_DIR"])
@pytest.mark.parametrize("inside", ["\x00", "\udcff", "\u202e", "\n", "\x1b"])
def test_what_is_no_text_is_refused_by_name(name: str, inside: str) -> None:
    found = problems({**PRODUCTION, name: f"canary{inside}canary"})
    assert f"{name} holds a character" in found
    assert "canary" not in found


def test_a_home_that_is_not_known_is_no_crash() -> None:
    found = problems({"KORUS_CACHE_DIR": "~no-such-user-here/cache"})
    assert found == "KORUS_CACHE_DIR must not begin with ~: no home folder is known for it."


# One account has one form

FORMS = [
    PRODUCTION_API,
    f"{PRODUCTION_API}:443",
    f"{PRODUCTION_API}/",
    f"{PRODUCTION_API}.",
    f"{PRODUCTION_API}.:443/",
    f"{PRODUCTION_API}:0443",
    "HTTPS://API.KorusTicket.COM",
    "https://API.KORUSTICKET.COM.:443",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("client_id", ["shop", " shop ", "\ufeffshop\n", "\tshop\xa0"])
def test_however_it_is_written_it_is_one_account(form: str, client_id: str) -> None:
    plain = read_settings(PRODUCTION)
    other = read_settings({**PRODUCTION, "KORUS_API_URL": form, "KORUS_CLIENT_ID": client_id})
    direct = replace(plain, api_url=form, client_id=client_id)
    for each in (other, direct):
        assert each == plain
        assert each.account == plain.account
        assert journal_url(each) == journal_url(plain)
        assert catalog_files(each).file("fr") == catalog_files(plain).file("fr")
        assert api_config(each).api_url == PRODUCTION_API


def test_an_account_in_its_plain_form_keeps_the_names_of_its_files() -> None:
    settings = read_settings(PRODUCTION)
    assert settings.account.key() == "53822cb4e8cfda842c1c59682205ad49"
    assert journal_url(settings).endswith("/korus-mcp/journal-production-53822cb4e8cfda84.sqlite")
    some = replace(settings, catalogs=("zebra2", "abcdef"))
    for each, key in ((settings, "1d0bd437cbfe1e54"), (some, "e697af7b60f08cd8")):
        assert catalog_files(each).file("fr") == f"catalog-{VERSION}-production-{key}-fr.sqlite"


@pytest.mark.parametrize(
    "other",
    [
        f"{PRODUCTION_API}:8443",
        "https://api.korusticket.com.example.test",
        "https://korusticket.com",
    ],
)
def test_another_host_or_port_is_another_account(other: str) -> None:
    settings = read_settings({**PRODUCTION, "KORUS_API_URL": other})
    assert settings.account.key() != read_settings(PRODUCTION).account.key()


@pytest.mark.parametrize("form", [f"{DEMO_API}.", f"{DEMO_API}:443", f"{DEMO_API.upper()}.:443/"])
def test_the_demo_in_any_form_is_the_demo(form: str) -> None:
    assert read_settings({**DEMO, "KORUS_API_URL": form}).api_url == DEMO_API
    assert "does not fit" in problems({**PRODUCTION, "KORUS_API_URL": form})


@pytest.mark.parametrize(
    "url", ["https://ex\u00e4mple.test", "https://a..b.test", "https://a%2eb.test", "https://[::1"]
)
def test_a_host_that_cannot_be_compared_is_refused(url: str) -> None:
    assert "KORUS_API_URL" in problems({**PRODUCTION, "KORUS_API_URL": url})


# Files that hold credentials


def credential(file: Path) -> dict[str, str]:
    given = {k: v for k, v in PRODUCTION.items() if k != "KORUS_CLIENT_SECRET"}
    return {**given, "KORUS_CLIENT_SECRET_FILE": str(file)}


def test_a_mark_before_a_credential_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xef\xbb\xbffrom-a-file\r\n")
    assert read_settings(credential(file)).client_secret == "from-a-file"


def test_a_pipe_a_folder_and_a_device_hold_no_credential(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/zero"), Path("/dev/null")):
        found = problems(credential(path))
        assert "KORUS_CLIENT_SECRET_FILE is no regular file of at most 64 KiB" in found


@pytest.mark.parametrize(("length", "is_read"), [(65536, True), (65537, False)])
def test_a_file_of_more_than_64_kib_is_no_credential(
    tmp_path: Path, length: int, is_read: bool
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"x" * length)
    if is_read:
        assert len(read_settings(credential(file)).client_secret) == length
    else:
        assert "at most 64 KiB" in problems(credential(file))


def test_a_credential_of_several_lines_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("canary\ncanary", "utf-8")
    found = problems(credential(file))
    assert "KORUS_CLIENT_SECRET_FILE holds a character" in found
    assert "canary" not in found


# Proxies and authorities

PROXY = "http://proxy.example.test:3128"


def test_the_proxy_of_the_environment_is_taken_only_when_it_is_trusted() -> None:
    given = {**PRODUCTION, "HTTPS_PROXY": PROXY, "NO_PROXY": "example.test"}
    assert read_settings(given).http_proxy is None
    trusted = read_settings({**given, "KORUS_TRUST_ENV": "true"})
    assert (trusted.http_proxy, trusted.no_proxy) == (PROXY, "example.test")
    bare = read_settings({**given, "HTTPS_PROXY": "h.test:3128", "KORUS_TRUST_ENV": "1"})
    assert bare.http_proxy == "http://h.test:3128"
    own = read_settings({**given, "KORUS_TRUST_ENV": "1", "KORUS_HTTP_PROXY": "http://own.test"})
    assert (own.http_proxy, own.no_proxy) == ("http://own.test", "")
    assert api_config(trusted).proxy == PROXY


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_that_cannot_be_used_is_refused_by_name(name: str) -> None:
    found = problems({**PRODUCTION, name: "socks5://me:canary@h", "KORUS_TRUST_ENV": "1"})
    assert found.startswith(f"{name} must be the address of an http proxy")
    assert "canary" not in found


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_that_are_not_there_are_told_at_the_start(name: str, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing", "utf-8")
    for path in (tmp_path / "missing", tmp_path / "no.pem"):
        assert f"{name} must name a " in problems({**PRODUCTION, name: str(path)})
        assert read_settings({name: str(path)}).embedded, "the sandbox asks nobody"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KORUS_METRICS_HOST", "metrics.example.test", "must be an address like 0.0.0.0."),
        ("KORUS_OTLP_ENDPOINT", "collector:4318", "must be an address like"),
        ("KORUS_OTLP_ENDPOINT", "http://u:canary@collector", "must not hold a user name"),
        ("KORUS_OTLP_ENDPOINT", "http://collector:x", "is not an address"),
        ("KORUS_LOG", "xml", "must be one of text, json."),
        ("KORUS_METRICS_PORT", "65536", "from 0 to 65535"),
    ],
)
def test_what_is_wrong_with_log_and_metrics_is_told(name: str, value: str, said: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_settings({name: value})
    (problem,) = refused.value.problems
    assert problem.startswith(name)
    assert said in problem
    assert "canary" not in problem
