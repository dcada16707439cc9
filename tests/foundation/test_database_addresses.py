"""Addresses of journals, as people paste them: understood, or refused without a word of them."""

from pathlib import Path
from urllib.parse import quote

import pytest

from korus_mcp.foundation.database_addresses import (
    CONNECT_SECONDS,
    ServerAddress,
    problem_of,
    read_server_address,
)

PLACE = "shop:p%40ss@db.example.test"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgres+x"])
def test_whatever_its_scheme_is_called_it_is_the_same_database(scheme: str) -> None:
    assert read_server_address(f"{scheme}://{PLACE}/korus") == ServerAddress(
        dsn=f"postgresql://{PLACE}/korus"
    )


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ("sslmode=require", "sslmode=require"),
        ("ssl=require", "sslmode=require"),
        ("channel_binding=prefer", ""),
        ("gssencmode=disable", ""),
        ("statement_cache_size=0&prepared_statement_cache_size=0", ""),
        ("pgbouncer=false", ""),
        ("target_session_attrs=primary", "target_session_attrs=primary"),
        ("ssl_min_protocol_version=TLSv1.3", "ssl_min_protocol_version=TLSv1.3"),
        ("sslmode=require&sslnegotiation=direct", "sslmode=require&sslnegotiation=direct"),
    ],
)
def test_the_driver_gets_what_it_understands(query: str, passed: str) -> None:
    address = read_server_address(f"postgresql://{PLACE}/korus?{query}")
    assert address.dsn == f"postgresql://{PLACE}/korus" + (f"?{passed}" if passed else "")


def test_what_is_ours_to_do_is_taken_from_the_address() -> None:
    query = (
        "connect_timeout=12&application_name=shop&options=-c%20search_path%3Dtills&pgbouncer=true"
    )
    address = read_server_address(f"postgresql://{PLACE}/korus?{query}")
    assert address == ServerAddress(
        dsn=f"postgresql://{PLACE}/korus",
        connect_seconds=12,
        settings={"application_name": "shop", "options": "-c search_path=tills"},
    )
    assert read_server_address(f"postgresql://{PLACE}/korus").connect_seconds == CONNECT_SECONDS


def test_files_of_certificates_are_passed_if_they_are_there(tmp_path: Path) -> None:
    file = tmp_path / "root+one.crt"
    file.touch()
    for name in ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile"):
        named = f"postgresql://{PLACE}/korus?{name}={quote(str(file), safe='')}"
        assert read_server_address(named).dsn == named
        found = problem_of(f"postgresql://{PLACE}/korus?{name}={tmp_path}/canary")
        assert found == f"must name in {name} a file that can be read"


def test_the_authorities_of_the_machine_can_be_named() -> None:
    address = read_server_address(f"postgresql://{PLACE}/korus?sslrootcert=system")
    assert address.trusts_system
    assert address.dsn == f"postgresql://{PLACE}/korus?sslmode=verify-full"
    file = f"postgresql://{PLACE}/korus?sslrootcert=system&sslkey={quote(__file__, safe='')}"
    assert problem_of(file) == "must have no file of a certificate beside sslrootcert=system"
    weaker = problem_of(f"postgresql://{PLACE}/korus?sslrootcert=system&sslmode=require")
    assert weaker == "must have sslmode=verify-full beside sslrootcert=system"


@pytest.mark.parametrize(
    "written",
    [
        "postgresql://u@a.test:5432,b.test:5433/korus",
        "postgresql://u@a.test,[::1]:5433/korus",
        "postgresql://u@/korus?host=a.test,b.test&port=5432,5433",
        "postgresql://u@/korus?host=a.test,b.test&port=5432",
    ],
)
def test_of_several_servers_the_one_that_can_be_written_is_used(written: str) -> None:
    assert "target_session_attrs=read-write" in read_server_address(written).dsn
    joined = "&" if "?" in written else "?"
    chosen = read_server_address(f"{written}{joined}target_session_attrs=any")
    assert "target_session_attrs=any" in chosen.dsn


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("canary", "must begin sqlite:///, postgresql:// or postgres://"),
        ("jdbc:postgresql://u:canary@host/x", "must begin"),
        ("host=canary dbname=x", "must begin"),
        ("postgresql://u:canary@ss@host/x", "%40"),
        ("postgres://u:canary@ss@host/x", "%40"),
        ("postgresql://u:can/ary@host/x", "%40"),
        ("postgresql://u:canary@host", "must have the form"),
        ("postgresql://u:canary@host:port/x", "must have the form"),
        ("postgresql://u:canary@host:99999/x", "must have the form"),
        ("postgresql://u:canary@a,,b/x", "must have the form"),
        ("postgresql://u:canary@host/x?channel_binding=require", "sslmode=verify-full"),
        ("postgresql://u:canary@host/x?channel_binding=canary", "must have a channel_binding of"),
        ("postgresql://u:canary@host/x?connect_timeout=0", "must have a connect_timeout of"),
        ("postgresql://u:canary@host/x?connect_timeout=canary", "must have a connect_timeout of"),
        ("postgresql://u:canary@host/x?connect_timeout=9999", "must have a connect_timeout of"),
        ("postgresql://u:canary@host/x?target_session_attrs=standby", "a journal is written"),
        ("postgresql://u:canary@host/x?sslmode=require&sslmode=disable", "each parameter once"),
        ("postgresql://u:canary@host/x?sslmode=require&ssl=require", "each parameter once"),
        ("postgresql://u:canary@host/x?schema=canary", "must have no parameters but"),
        ("postgresql://u:canary@host/x?canary=1", "must have no parameters but"),
        ("postgresql://u:canary@host/x?statement_cache_size=9", "must have a statement_cache_size"),
        ("postgresql://u:canary@host/x?gssencmode=require", "must have a gssencmode of"),
        ("postgresql://u:canary@host/x?pgbouncer=canary", "must have a pgbouncer of"),
        ("postgresql://u:canary@host/x?host=other", "in one place"),
        ("postgresql://u:canary@/x?host=a,b&port=1,2,3", "one for each host"),
        ("postgresql://u:canary@/x?host=a&port=x", "must have a port"),
        ("postgresql://u:canary@host/x?sslcert=/canary", "must name in sslcert a file"),
    ],
)
def test_what_is_not_understood_is_refused_in_words_of_its_own(written: str, said: str) -> None:
    found = problem_of(written)
    assert found is not None
    assert found.startswith("must ")
    assert said in found
    assert "canary" not in found


def test_an_address_hides_what_is_secret() -> None:
    address = read_server_address("postgresql://u:canary@host/x?options=canary&sslpassword=canary")
    assert "canary" not in repr(address)
