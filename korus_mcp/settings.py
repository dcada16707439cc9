"""Settings: every KORUS_ variable, its default and its meaning, read once into `Settings`.

The fields of `Settings` are the table of all settings: each has a type, a default, and the meaning
of its variable. docs/settings.md, server.json and the manifest of the bundle (deploy/bundle) are
generated from it.
"""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from korus_mcp.foundation.language_tags import LANGUAGE_TAG, MOST_LISTED, canonical
from korus_mcp.foundation.origins import (
    canonical_origin,
    is_loopback,
    is_port,
    is_unread_on_the_way,
)

NAME = "korus-mcp"
"""The name of the server, and of the user's folders in which its files are."""
PREFIX = "KORUS_"
PRODUCTION_API = "https://api.korusticket.com"
DEMO_API = "https://api.demo.korusticket.com"
PRODUCTION_TOKEN = "https://auth.korusticket.com/realms/korusticket/protocol/openid-connect/token"  # noqa: S105 - an address
SANDBOX_API = "https://sandbox.invalid"
DEFAULT_LANGUAGE = "fr"
SANDBOX_LANGUAGE = "en"
"""Of the embedded sandbox: who tries it need not read French."""
DOCUMENT_HOST = "storage.googleapis.com"
SANDBOX_DOCUMENT_HOST = "documents.sandbox.invalid"
HTTP_PATH: Final = "/mcp"
"""The one path at which `serve --http` speaks the protocol."""
MOST_SEED = 2**32 - 1
PERSONS_PACE: Final = {"calls_per_minute": 60, "writes_per_minute": 10}
"""Where many people use one server, an assistant that runs wild must not be everybody's matter. One
person's own server bounds such a loop later: nobody else is waiting there."""
FILE_BYTES = 64 * 1024
"""The largest credential file: a larger one was surely named by mistake."""
LEAST_KEY = 32
"""The fewest characters of a key that begins to sign a journal: a shorter one can be guessed."""

Value = TypeVar("Value")


class Environment(StrEnum):
    """Which of KorusTicket's environments the server uses; replies that hold or order name it."""

    SANDBOX = "sandbox"
    DEMO = "demo"
    PRODUCTION = "production"


class Profile(StrEnum):
    """Which tools exist."""

    BROWSE = "browse"
    BUYER = "buyer"
    SERVICE_DESK = "service-desk"


class Scope(StrEnum):
    """Whose orders the operator of a stdio server sees."""

    OWN = "own"
    ACCOUNT = "account"


class Approval(StrEnum):
    """How a person agrees to an order."""

    AUTO = "auto"
    TWO_STEP = "two_step"
    HUMAN = "human"


class Content(StrEnum):
    """Which halves of a reply are sent."""

    BOTH = "both"
    STRUCTURED = "structured"
    TEXT = "text"


class Links(StrEnum):
    """Whether replies carry links to files as blocks of their own."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class LogForm(StrEnum):
    """The form of a server's log."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least level of a line of our own log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Setting:
    """One variable as a person sets it."""

    meaning: str
    name: str = ""
    told: str = ""
    """The default in words, for docs/settings.md, where the value itself would say less."""
    from_file: bool = False
    """Whether a variable with `_FILE` behind its name may point to a file that holds it: so may
    that of every secret."""
    least: int = 0
    most: int = 0
    """`least` and `most` are the bounds of a number; for other settings both are 0."""
    secret: bool = False
    """Whether `repr` of the settings leaves it out."""
    field: str = ""
    value: object = None
    """`field` and `value` are filled in by SETTINGS from the field itself: its name and default."""

    @property
    def default(self) -> str:
        """The default as docs/settings.md shows it."""
        return self.told or ("-" if self.value in (None, "") else str(self.value).lower())

    @property
    def choices(self) -> tuple[str, ...]:
        """The accepted words, if only some are accepted."""
        if isinstance(self.value, bool):
            return "false", "true"
        return tuple(type(self.value)) if isinstance(self.value, StrEnum) else ()


def setting(default: Value, meaning: str, *, secret: bool = False, **row: Any) -> Value:
    """A field of `Settings` that a variable sets; `row` is the rest of its `Setting`."""
    row.setdefault("from_file", secret)
    metadata = {"setting": Setting(meaning, secret=secret, **row)}
    return field(default=default, repr=not secret, metadata=metadata)


class Misconfigured(Exception):
    """The settings contradict each other or lack something; the server does not start.

    `problems` holds one sentence for each, without any value of a secret.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Account:
    """An account of the API. Files of its journal and catalog are named by it, and rows in a shared
    journal carry it.
    """

    environment: str
    api_url: str
    client_id: str

    def key(self, *within: str) -> str:
        """A digest of 32 hex digits of the account, and of `within` if given.

        Files are named and rows are marked with it: were it computed in another way, what is kept
        there would not be found any more.
        """
        import hashlib  # not needed to start

        text = "\n".join((self.environment, self.api_url, self.client_id, *within))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, complete and checked; its fields are the table of settings.

    A field made by `setting` is read from the variable with its `name`, else from `KORUS_` and the
    field's own name in capitals. Amounts are EUR, times are seconds. `embedded`: the sandbox runs
    in this process.
    """

    environment: Environment = setting(
        Environment.SANDBOX,
        "Which KorusTicket to use: sandbox is a built-in imitation with invented venues, demo is "
        "KorusTicket's test system, production is the real one, where orders cost money. Where no "
        "account and no address is set either, it is the sandbox, and nothing leaves this "
        "computer.",
        told="sandbox when nothing is set",
    )
    embedded: bool = True
    client_id: str = setting(
        "", "The id of your service account; KorusTicket gives it to you.", from_file=True
    )
    client_secret: str = setting("", "The secret of that account.", secret=True)
    api_url: str = setting(
        SANDBOX_API,
        f"Address of the KorusTicket API, like {PRODUCTION_API}. Only addresses of this computer "
        "may begin with http://.",
        told="that of the environment",
    )
    token_url: str = setting(
        "",
        "Address at which the account signs in. That of production is known; for demo it is "
        "required: ask KorusTicket, which does not publish it.",
        told="that of production",
    )
    document_hosts: frozenset[str] = setting(
        frozenset({SANDBOX_DOCUMENT_HOST}),
        "Servers from which ticket PDFs may be downloaded, separated by commas; replaces the "
        "default. One on this computer has its port behind it: 127.0.0.1:9000.",
        told=DOCUMENT_HOST,
    )
    http_proxy: str | None = setting(
        None,
        "The proxy through which KorusTicket is reached (API, sign-in, PDFs), like "
        "http://user:password@proxy.example.org:3128. Addresses of this computer are reached "
        "without it.",
        secret=True,
    )
    no_proxy: str = ""
    trust_env: bool = setting(
        False,
        "Whether to take the proxy from HTTPS_PROXY, ALL_PROXY and NO_PROXY, as other programs do. "
        "SSL_CERT_FILE and SSL_CERT_DIR, the certificates to trust instead of the system's, count "
        "in any case.",
    )
    ca_file: str | None = None
    ca_folder: str | None = None
    language: str = setting(
        SANDBOX_LANGUAGE,
        "Language of what the catalog says (names, descriptions) and of searching in it, such as "
        "en or fr; an assistant may ask for another one. korus-mcp's own words are English.",
        told=f"{SANDBOX_LANGUAGE} in the built-in sandbox, else {DEFAULT_LANGUAGE}",
    )
    languages: tuple[str, ...] = setting(
        (SANDBOX_LANGUAGE,),
        "Languages whose catalog is fetched ahead, separated by commas; others are fetched when "
        "they are first asked for.",
        told="KORUS_LANGUAGE",
    )
    profile: Profile = setting(
        Profile.BUYER,
        "What the assistant can do: browse searches and compares; buyer also reserves, orders and "
        "fetches tickets; service-desk also looks up orders.",
        told="buyer in the sandbox, else browse",
    )
    tools: tuple[str, ...] | None = None
    scope: Scope = setting(
        Scope.OWN,
        "Which orders are seen: own are those made with this journal, account is all of the "
        "KorusTicket account.",
        told="own; account in service-desk",
    )
    approval: Approval = setting(
        Approval.AUTO,
        "How a person agrees to an order. auto: the assistant's program asks if it can, else in "
        "two steps, a summary and a confirmation that the assistant passes on (in production not "
        "where the program says it can and answers by itself). two_step: always in two steps. "
        "human: the program asks, or a page does: on stdio in the person's browser (or korus-mcp "
        "approve), over HTTP where they sign in (KORUS_AUTH_CLIENT_ID). Required in production "
        "unless the profile is browse.",
        told="auto in sandbox and demo",
    )
    max_order_amount: Decimal = setting(
        Decimal(1000),
        "The most that one order may cost, in EUR. Required in production unless the profile is "
        "browse.",
        told="1000, or the limit of a day if that is less",
        least=1,
        most=1_000_000,
    )
    max_day_amount: Decimal = setting(
        Decimal(5000),
        "The most that the orders of one day (midnight to midnight UTC) may cost together, in EUR, "
        "those under way included: all orders with this journal, or each person's where people "
        "sign in; in the built-in sandbox, those of one process. Required in production unless the "
        "profile is browse.",
        least=1,
        most=100_000_000,
    )
    max_tickets: int = setting(50, "The most tickets in one order.", least=1, most=1_000)
    max_open_holds: int = setting(
        20,
        "The most reservations that one person can have that are not ordered yet; together they "
        "hold at most twice KORUS_MAX_TICKETS and cost at most KORUS_MAX_DAY_AMOUNT.",
        least=1,
        most=10_000,
    )
    calls_per_minute: int = setting(
        600,
        "The most calls of one person in a minute, at one server; 0 for any number. An order call "
        "that is repeated is not counted.",
        told="600; 60 where people sign in",
        most=1_000_000,
    )
    writes_per_minute: int = setting(
        60,
        "The most new reservations and orders of one person in a minute, at one server; 0 for any "
        "number.",
        told="60; 10 where people sign in",
        most=1_000_000,
    )
    reads_per_second: int = setting(
        10,
        "How many reads a second one server sends to KorusTicket, after 20 at once; half as many "
        "after it was asked to slow down, and slowly more again. 0 for any number. The sandbox has "
        "no limit.",
        most=10_000,
    )
    catalogs: tuple[str, ...] | None = setting(
        None,
        "The catalogs that may be sold from: their short names, such as k3f7qa, separated by "
        "commas. korus-mcp check lists them.",
        told="all",
    )
    cache_dir: Path | None = setting(
        None,
        "Folder of the copy of the catalog, which can always be fetched again.",
        told="the user's cache folder",
    )
    database_url: str | None = setting(
        None,
        "Where the journal of bookings is kept, which keeps an order from being sent twice: a file "
        "(sqlite:////folder/journal.sqlite) or a PostgreSQL database "
        "(postgresql://user:password@host/name).",
        told="a file in the user's data folder",
        secret=True,
    )
    download_dir: Path | None = setting(
        None, "Folder in which get_tickets saves PDFs.", told="the user's download folder"
    )
    journal_key: str | None = setting(
        None,
        f"A secret of at least {LEAST_KEY} random characters with which each entry of the "
        "journal's audit is signed, so that korus-mcp journal verify finds what was changed or "
        "removed. Keep it: another key does not fit the entries there are.",
        secret=True,
    )
    sole_writer: bool = setting(
        False,
        "true only if no other software books on this KorusTicket account: then a reservation "
        "whose answer was lost is looked for and used, instead of left to expire.",
    )
    settle_seconds: int = setting(
        300,
        "For how many seconds an order whose answer was lost is still looked for once its "
        "reservation has ended and the 75 seconds of its request are over.",
        least=120,
        most=86_400,
    )
    answer_seconds: int = setting(
        40,
        "How many seconds after it came a booking call waits for what it sends, as some programs "
        "give up sooner; then it answers in_doubt, the work goes on, and the same call asks again. "
        "What an order reads first is not cut short.",
        least=3,
        most=60,
    )
    shutdown_seconds: int = setting(
        30, "How many seconds a server that is stopped waits for orders under way.", most=3_600
    )
    content: Content = setting(
        Content.BOTH,
        "How a reply is sent: as text, as JSON data (structured), or as both, since some programs "
        "show a model the one and some the other.",
        name="KORUS_MCP_CONTENT",
    )
    links: Links = setting(
        Links.AUTO,
        "Whether a reply has links to files as parts of their own, beside the address in the text: "
        "auto only for programs with MCP Apps, since several others break on them.",
        name="KORUS_MCP_LINKS",
    )
    allowed_hosts: tuple[str, ...] = setting(
        (),
        "serve --http: the names by which programs or a proxy reach this server, such as "
        "mcp.example.org, separated by commas; one without a port stands for any port. Those of "
        "this computer and of KORUS_PUBLIC_URL need not be named. Required where --host lets other "
        "computers in.",
        name="KORUS_MCP_ALLOWED_HOSTS",
        told="none",
    )
    auth_issuer: str | None = setting(
        None,
        "serve --http: the OpenID provider whose people may use this server: its issuer, letter by "
        "letter as it names itself. Without it nobody signs in.",
    )
    public_url: str | None = setting(
        None,
        "The address at which people reach serve --http, like https://tickets.example.org/mcp. "
        "Required with KORUS_AUTH_ISSUER.",
    )
    auth_audience: str | None = setting(
        None,
        "What the provider calls this server in its tokens (aud).",
        told="KORUS_PUBLIC_URL",
    )
    auth_keys_url: str | None = setting(
        None, "Where the provider lists its keys (JWKS).", told="as its metadata says"
    )
    auth_tenant_claim: str | None = setting(
        None, "The claim of a token that tells the provider's tenants apart.", told="one tenant"
    )
    auth_ask_scopes: tuple[str, ...] = setting(
        (),
        "The scopes that programs are told to ask the provider for, separated by blanks, where it "
        "has other names for ours.",
        told="the scopes of the tools",
    )
    auth_client_id: str | None = setting(
        None,
        "This server as a client of the provider, for the page on which people say yes: its "
        "redirect address is that of KORUS_PUBLIC_URL with /approve/signed-in behind it. Required "
        "for KORUS_APPROVAL=human where people sign in.",
    )
    auth_client_secret: str | None = setting(
        None, "Its secret, if it has one.", from_file=True, secret=True
    )
    allowed_origins: tuple[str, ...] = setting(
        (),
        "serve --http: origins whose web pages may call this server, such as "
        "https://chat.example.org, separated by commas. Those of this computer need not be named.",
        name="KORUS_MCP_ALLOWED_ORIGINS",
        told="none",
    )
    log: LogForm = setting(
        LogForm.TEXT,
        "The form of a server's log on stderr: lines of text, or of JSON; both with times and the "
        "ids of requests.",
    )
    log_level: LogLevel = setting(
        LogLevel.INFO,
        "The least important lines that are in the log; of libraries there are warnings only.",
    )
    metrics_port: int = setting(
        0,
        "serve --http: the port at which Prometheus reads metrics, at /metrics; 0 for none. Needs "
        "korus-mcp[otel].",
        most=65_535,
    )
    metrics_host: str = setting(
        "127.0.0.1",
        "The address of this computer at which that port is open; there is no sign-in, and no data "
        "of callers.",
    )
    otlp_endpoint: str | None = setting(
        None,
        "The OpenTelemetry collector that traces are sent to, like http://127.0.0.1:4318. Needs "
        "korus-mcp[otel].",
    )
    sandbox_bases: int = setting(
        0,
        "How many products the sandbox gets beside its usual ones, to try a large catalog.",
        most=200_000,
    )
    sandbox_dir: Path | None = setting(
        None,
        "Folder in which the built-in sandbox is kept for a day, for all servers of a user.",
        told="a folder in the user's data folder",
    )
    sandbox_seed: int | None = setting(
        None,
        "A number by which the sandbox has the same ids each time.",
        told="random",
        most=MOST_SEED,
    )
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Normalise the address and the client id: one account must always have one `Account.key`,
        by which its journal, day budget and mirror are found.
        """
        # object.__setattr__, because the dataclass is frozen.
        if self.api_url:
            object.__setattr__(self, "api_url", canonical_origin(self.api_url))
        object.__setattr__(self, "client_id", _trimmed(self.client_id))

    @property
    def account(self) -> Account:
        """The account of the API that these settings name."""
        return Account(self.environment, self.api_url, self.client_id)

    @property
    def served_hosts(self) -> tuple[str, ...]:
        """The names to which `serve --http` answers beside those of this machine: the listed ones,
        and the one by which people know it.
        """
        if self.public_url is None:
            return self.allowed_hosts
        # Without its port, which stands for any: a proxy may write either.
        host = urlsplit(self.public_url).hostname or ""
        return (*self.allowed_hosts, f"[{host}]" if ":" in host else host)

    @property
    def may_sign_anew(self) -> bool:
        """Whether the journal's key is long enough for a journal that it does not sign yet."""
        # One that is signed with a shorter key already stays usable: another key would not fit it.
        return self.journal_key is None or len(self.journal_key) >= LEAST_KEY

    def narrowed(
        self, *, profile: Profile | None = None, tools: tuple[str, ...] | None = None
    ) -> "Settings":
        """These settings, narrowed to the profile and the tools that the command line names.

        Raises:
            Misconfigured: the profile would offer more than the settings allow.
        """
        tools = self.tools if tools is None else tools
        if tools == ():
            raise Misconfigured("--tools names no tool.")
        if profile is None:
            return replace(self, tools=tools)
        order = list(Profile)
        # The profiles are declared in the order of what they allow.
        if order.index(profile) > order.index(self.profile):
            raise Misconfigured(
                f"--profile {profile} offers more tools than KORUS_PROFILE={self.profile}; "
                "it may only narrow."
            )
        # With a smaller profile than the service desk's, orders of others are not visible.
        leaves_desk = self.profile is Profile.SERVICE_DESK is not profile
        scope = Scope.OWN if leaves_desk else self.scope
        return replace(self, profile=profile, tools=tools, scope=scope)


SETTINGS: Final = tuple(
    replace(row, name=row.name or PREFIX + each.name.upper(), field=each.name, value=each.default)
    for each in fields(Settings)
    for row in each.metadata.values()
)
"""Every setting, in the order of docs/settings.md."""
# KORUS_..._FILE names a file that holds a secret. So the secret is not in the environment, which
# child processes inherit and logs may show.
_FILE_SUFFIX = "_FILE"
_FROM_FILE = frozenset(s.name for s in SETTINGS if s.from_file)
KNOWN_NAMES = frozenset(s.name for s in SETTINGS) | {n + _FILE_SUFFIX for n in _FROM_FILE}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read and check all settings. An empty variable counts as not set, and so does one that is
    nothing but a placeholder like ${NAME}, which is warned of.

    Raises:
        Misconfigured: naming every problem found, not only the first.
    """
    return _Reader(environ).read()


def log_form(environ: Mapping[str, str]) -> LogForm:
    """The form of the log, for what is said before all settings could be read."""
    given = _trimmed(environ.get("KORUS_LOG", "")).lower()
    return LogForm.JSON if given == LogForm.JSON else LogForm.TEXT


class _Reader:
    """Reads settings and collects all problems, so that a person can mend them in one go."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        given = {k: _trimmed(v) for k, v in environ.items() if k.startswith(PREFIX)}
        # Programs leave a placeholder as it is when nothing was filled in. Taken for a value it
        # would be a password that stands in public manuals.
        unfilled = {k for k, v in given.items() if k in KNOWN_NAMES and _PLACEHOLDER.fullmatch(v)}
        self._given = {k: v for k, v in given.items() if v and k not in unfilled}
        self._read: dict[str, Any] = {}
        """Field -> value, for choices and numbers that were given and could be read."""
        self._problems: list[str] = []
        self._warnings = [
            f"{name} counts as not set: it is a placeholder like ${{...}} that the program which "
            "starts korus-mcp did not fill in."
            for name in sorted(unfilled)
        ]

    def read(self) -> Settings:
        self._check_names()
        self._read_choices_and_numbers()
        settings = self._rest(self._way_out(self._world()))
        if self._problems:
            raise Misconfigured(*self._problems)
        return replace(settings, warnings=tuple(self._warnings))

    def _check_names(self) -> None:
        # A mistyped name of a limit would leave the default in force, so the server does not start
        # with an unknown name that is close to a known one.
        for name in sorted(self._given.keys() - KNOWN_NAMES):
            close = difflib.get_close_matches(name, KNOWN_NAMES, n=1, cutoff=0.85)
            if close:
                self._problems.append(f"{name} is not a setting; did you mean {close[0]}?")
            else:
                self._warnings.append(f"{name} is not a setting of korus-mcp and is ignored.")
        # Invisible characters get in by copy and paste, and nobody finds them by looking.
        for name in sorted(self._given.keys() & KNOWN_NAMES):
            if not self._given[name].isprintable():
                del self._given[name]
                self._problems.append(f"{name} {_NO_TEXT}.")

    def _read_choices_and_numbers(self) -> None:
        for setting in SETTINGS:
            if setting.name in self._given and (setting.choices or setting.most):
                try:
                    self._read[setting.field] = _value(setting, self._given[setting.name])
                except ValueError as wanted:
                    self._problems.append(f"{setting.name} must be {wanted}.")

    def _world(self) -> Settings:
        named = self._read.get("environment")
        touching = [n for n in _WORLD_NAMES if self._has(n)]
        if named is None and touching and "KORUS_ENVIRONMENT" not in self._given:
            # The environment is not guessed: one of them spends real money.
            self._problems.append(
                f"{', '.join(touching)} given, but KORUS_ENVIRONMENT is not: "
                "say sandbox, demo or production."
            )
        is_embedded = named is Environment.SANDBOX and "KORUS_API_URL" not in self._given
        return Settings() if named is None or is_embedded else self._remote(named)

    def _remote(self, named: Environment) -> Settings:
        found = {
            "KORUS_API_URL": self._origin("KORUS_API_URL", _DEFAULT_API.get(named)),
            "KORUS_TOKEN_URL": self._checked(
                "KORUS_TOKEN_URL", _address_problem, _DEFAULT_TOKEN.get(named)
            ),
            "KORUS_CLIENT_ID": self._text("KORUS_CLIENT_ID"),
            "KORUS_CLIENT_SECRET": self._text("KORUS_CLIENT_SECRET"),
        }
        # A setting that is given and wrong has its own problem already.
        missing = [name for name, value in found.items() if not value and not self._has(name)]
        if missing:
            self._problems.append(f"{named} needs {', '.join(missing)}.")
        given: dict[str, Any] = {
            name.removeprefix(PREFIX).lower(): value or "" for name, value in found.items()
        }
        if given["api_url"]:
            self._check_label(named, given["api_url"])
        listed = self._each("KORUS_DOCUMENT_HOSTS", _HOST, "host names (a port on loopback)")
        hosts = frozenset(listed or (DOCUMENT_HOST,))
        return Settings(environment=named, embedded=False, document_hosts=hosts, **given)

    def _way_out(self, world: Settings) -> Settings:
        """These settings with the proxy and the certificate authorities of the network, which may
        come from the variables that other programs read, too.
        """
        trust_env = self._read.get("trust_env", False)
        named = {"KORUS_HTTP_PROXY": self._text("KORUS_HTTP_PROXY") or ""}
        if trust_env:
            for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
                url = _trimmed(self._environ.get(name, ""))
                # A proxy without a scheme is an http one, as curl has it.
                named[name] = url if not url or "://" in url else f"http://{url}"
        name, proxy = next(((n, p) for n, p in named.items() if p), ("", None))
        if proxy is not None:
            shape = _PROXY.fullmatch(proxy)
            if shape is None or not is_port(shape["port"]):
                self._problems.append(f"{name} must be {_PROXY_FORM}.")
        # NO_PROXY belongs to HTTP_PROXY and HTTPS_PROXY; KORUS_HTTP_PROXY has no exceptions.
        is_ours = name == "KORUS_HTTP_PROXY" or not trust_env
        excepted = self._environ.get("no_proxy") or self._environ.get("NO_PROXY", "")
        return replace(
            world,
            http_proxy=proxy,
            no_proxy="" if is_ours else excepted,
            ca_file=None if world.embedded else self._authorities("SSL_CERT_FILE"),
            ca_folder=None if world.embedded else self._authorities("SSL_CERT_DIR"),
        )

    def _authorities(self, name: str) -> str | None:
        """The path in SSL_CERT_FILE or SSL_CERT_DIR (OpenSSL's variables), if it is usable."""
        path = _trimmed(self._environ.get(name, ""))
        if path and not _holds_certificates(path, is_file=name == "SSL_CERT_FILE"):
            wanted = "file" if name == "SSL_CERT_FILE" else "folder"
            self._problems.append(f"{name} must name a {wanted} of certificates (PEM).")
        return path or None

    def _check_label(self, named: Environment, api_url: str) -> None:
        host = urlsplit(api_url).hostname or ""
        loopback = is_loopback(host)
        demo_host = host == urlsplit(DEMO_API).hostname
        # A person reads the environment's name before they spend money: it must fit the host.
        allowed = {
            Environment.SANDBOX: loopback,
            Environment.DEMO: loopback or api_url == DEMO_API,
            Environment.PRODUCTION: not loopback and not demo_host,
        }[named]
        if not allowed:
            self._problems.append(
                f"KORUS_ENVIRONMENT={named} does not fit the origin of KORUS_API_URL: "
                f"{_LABEL_RULE[named]}"
            )

    def _rest(self, world: Settings) -> Settings:
        in_sandbox = world.environment is Environment.SANDBOX
        profile = self._read.get("profile", Profile.BUYER if in_sandbox else Profile.BROWSE)
        if world.environment is Environment.PRODUCTION and profile is not Profile.BROWSE:
            missing = [n for n in _PRODUCTION_GATES if n not in self._given]
            if missing:
                self._problems.append(
                    f"production with a buying profile needs {', '.join(missing)}: "
                    "real money is bound to them."
                )
        # Only one language is meant. If several are given, the first counts.
        language = self._languages("KORUS_LANGUAGE", "a language tag like fr")[:1]
        language = language or ((SANDBOX_LANGUAGE if world.embedded else DEFAULT_LANGUAGE),)
        # Values that follow from the profile and the limits; what was given itself overrides them.
        chosen = {
            "profile": profile,
            "scope": Scope.ACCOUNT if profile is Profile.SERVICE_DESK else Scope.OWN,
            "max_order_amount": self._order_limit(),
            **(PERSONS_PACE if "KORUS_AUTH_ISSUER" in self._given else {}),
            **{name: value for name, value in self._read.items() if name != "environment"},
        }
        return replace(
            world,
            language=language[0],
            languages=self._languages("KORUS_LANGUAGES", "language tags like fr,en") or language,
            catalogs=self._catalogs(),
            cache_dir=self._folder("KORUS_CACHE_DIR"),
            database_url=self._checked("KORUS_DATABASE_URL", _database_problem),
            download_dir=self._folder("KORUS_DOWNLOAD_DIR"),
            sandbox_dir=self._folder("KORUS_SANDBOX_DIR"),
            journal_key=self._journal_key(),
            metrics_host=self._metrics_host(),
            otlp_endpoint=self._checked("KORUS_OTLP_ENDPOINT", _collector_problem),
            allowed_hosts=self._each(
                "KORUS_MCP_ALLOWED_HOSTS", _SERVED_HOST, "host names like mcp.example.org"
            ),
            allowed_origins=self._web_origins("KORUS_MCP_ALLOWED_ORIGINS"),
            **self._sign_in(),
            **chosen,
        )

    def _sign_in(self) -> dict[str, Any]:
        """The settings of sign-in. Half of them would be a server that takes the wrong tokens, or
        none, so they come together.
        """
        found: dict[str, Any] = {
            # As text: a slash more is another issuer.
            "auth_issuer": self._checked("KORUS_AUTH_ISSUER", _address_problem),
            "public_url": self._checked("KORUS_PUBLIC_URL", _public_problem),
            "auth_keys_url": self._checked("KORUS_AUTH_KEYS_URL", _address_problem),
            "auth_audience": self._given.get("KORUS_AUTH_AUDIENCE"),
            "auth_tenant_claim": self._given.get("KORUS_AUTH_TENANT_CLAIM"),
            "auth_ask_scopes": tuple(self._given.get("KORUS_AUTH_ASK_SCOPES", "").split()),
            "auth_client_id": self._given.get("KORUS_AUTH_CLIENT_ID"),
            "auth_client_secret": self._text("KORUS_AUTH_CLIENT_SECRET"),
        }
        if not all(map(_SCOPE.fullmatch, found["auth_ask_scopes"])):
            self._problems.append("KORUS_AUTH_ASK_SCOPES must be scopes with blanks between them.")
        if self._has("KORUS_AUTH_CLIENT_SECRET") and not found["auth_client_id"]:
            self._problems.append("KORUS_AUTH_CLIENT_SECRET needs KORUS_AUTH_CLIENT_ID.")
        is_on = "KORUS_AUTH_ISSUER" in self._given
        if is_on and "KORUS_PUBLIC_URL" not in self._given:
            self._problems.append(
                "KORUS_AUTH_ISSUER needs KORUS_PUBLIC_URL: tokens must name this server."
            )
        of_sign_in = ("KORUS_AUTH_", "KORUS_PUBLIC_URL")
        alone = [n for n in self._given if n.startswith(of_sign_in) and n in KNOWN_NAMES]
        if alone and not is_on:
            self._problems.append(f"{', '.join(sorted(alone))} given, but not KORUS_AUTH_ISSUER.")
        return found

    def _journal_key(self) -> str | None:
        key = self._text("KORUS_JOURNAL_KEY")
        if key is not None and len(key) < LEAST_KEY:
            self._warnings.append(
                f"KORUS_JOURNAL_KEY has fewer than {LEAST_KEY} characters: a journal that it signs "
                "already goes on with it, any other refuses it."
            )
        return key

    def _metrics_host(self) -> str:
        host = self._given.get("KORUS_METRICS_HOST")
        if host is None:
            return Settings.metrics_host
        from ipaddress import ip_address  # most starts name none

        try:
            ip_address(host)
        except ValueError:
            self._problems.append("KORUS_METRICS_HOST must be an address like 0.0.0.0.")
        return host

    def _order_limit(self) -> Decimal:
        """The limit of one order, which must not be above that of a day."""
        day: Decimal = self._read.get("max_day_amount", Settings.max_day_amount)
        order: Decimal = self._read.get("max_order_amount", min(Settings.max_order_amount, day))
        if order > day:
            self._problems.append(
                f"KORUS_MAX_ORDER_AMOUNT must not pass KORUS_MAX_DAY_AMOUNT, which is {day} EUR: "
                "no order of that size could be placed."
            )
        return order

    def _has(self, name: str) -> bool:
        in_file = name in _FROM_FILE and name + _FILE_SUFFIX in self._given
        return name in self._given or in_file

    def _text(self, name: str) -> str | None:
        # If both the variable and its _FILE are given, nobody knows which one is meant.
        path = self._given.get(name + _FILE_SUFFIX) if name in _FROM_FILE else None
        if path is None:
            return self._given.get(name)
        if name in self._given:
            self._problems.append(f"{name} and {name}{_FILE_SUFFIX} are both set; keep one.")
            return None
        try:
            return _text_of(Path(path))
        except Misconfigured as wrong:
            self._problems.append(f"the file named by {name}{_FILE_SUFFIX} {wrong}.")
            return None

    def _each(self, name: str, form: re.Pattern[str], wanted: str) -> tuple[str, ...]:
        """The entries of a list, in lower case. All must match `form`, else it is a problem."""
        entries = [e.strip().lower() for e in self._given.get(name, "").split(",") if e.strip()]
        # A wrong entry is not skipped: the list would then mean something else than was intended.
        if not all(map(form.fullmatch, entries)):
            self._problems.append(f"{name} must be {wanted}.")
        return tuple(entries)

    def _catalogs(self) -> tuple[str, ...] | None:
        if "KORUS_CATALOGS" not in self._given:
            return None
        from korus_mcp.foundation.ids import ALIAS  # most starts name none

        return self._each("KORUS_CATALOGS", ALIAS, "catalog aliases like k3f9qa") or None

    def _languages(self, name: str, wanted: str) -> tuple[str, ...]:
        """The languages in a list, each once: "fr" and "fr-FR" count as one."""
        names = map(canonical, self._each(name, LANGUAGE_TAG, wanted))
        listed = tuple(dict.fromkeys(filter(None, names)))
        if len(listed) > MOST_LISTED:
            self._problems.append(f"{name} must list at most {MOST_LISTED} languages.")
        return listed

    def _folder(self, name: str) -> Path | None:
        value = self._given.get(name)
        try:
            return Path(value).expanduser() if value else None
        except RuntimeError:
            self._problems.append(f"{name} must not begin with ~: no home folder is known for it.")
            return None

    def _origin(self, name: str, default: str | None) -> str | None:
        url = self._checked(name, _address_problem, default)
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.path not in ("", "/") or parts.query:
            self._problems.append(f"{name} must be an origin like https://api.example.org.")
            return None
        return canonical_origin(url)

    def _web_origins(self, name: str) -> tuple[str, ...]:
        """The origins in a list, each once and as browsers write them in the header Origin."""
        entries = [e.strip() for e in self._given.get(name, "").split(",") if e.strip()]
        try:
            if not all(map(_WEB_ORIGIN.fullmatch, entries)):
                raise ValueError
            return tuple(dict.fromkeys(map(canonical_origin, entries)))
        except ValueError:
            self._problems.append(f"{name} must be origins like https://chat.example.org.")
            return ()

    def _checked(
        self, name: str, problem_of: Callable[[str], str | None], default: str | None = None
    ) -> str | None:
        """The given address, else the default; None if it has a problem, which is noted."""
        url = self._text(name) or default
        problem = None if url is None else problem_of(url)
        if problem is None:
            return url
        self._problems.append(f"{name} {problem}.")
        return None


def _value(setting: Setting, given: str) -> object:
    """Parse the text of a choice, a boolean or a number.

    Raises:
        ValueError: the text has another form; the message says what it must be.
    """
    if isinstance(setting.value, bool):
        if given.lower() not in _FLAGS:
            raise ValueError("true or false")
        return _FLAGS[given.lower()]
    if isinstance(setting.value, StrEnum):
        if given.lower() not in setting.choices:
            raise ValueError(f"one of {', '.join(setting.choices)}")
        return type(setting.value)(given.lower())
    # The form comes first: int() and Decimal() also take 1_000, NaN, 1e9 and other digits.
    is_amount = isinstance(setting.value, Decimal)
    number = Decimal(given) if (_AMOUNT if is_amount else _WHOLE).fullmatch(given) else None
    if number is None or not setting.least <= number <= setting.most:
        wanted = "an amount in EUR like 250 or 99.50" if is_amount else "a whole number"
        raise ValueError(f"{wanted}, from {setting.least} to {setting.most}")
    return number if is_amount else int(number)


def _holds_certificates(path: str, *, is_file: bool) -> bool:
    """Whether a file has readable certificates; or, if not `is_file`, whether these are folders."""
    if not is_file:
        return all(Path(each).is_dir() for each in path.split(os.pathsep))
    import ssl  # most starts name no file

    try:
        ssl.create_default_context(cafile=path)
    except OSError:  # an ssl.SSLError is one
        return False
    return True


def _trimmed(text: str) -> str:
    """A value without white space and byte order mark around it."""
    return text.strip().strip("\ufeff").strip()


def _text_of(path: Path) -> str:
    """The text of a regular file.

    Raises:
        Misconfigured: what is wrong with the file, in words that follow its name in a sentence.
    """
    # Not of a pipe or a device: opening one may wait for ever.
    try:
        if not path.is_file():
            raise Misconfigured(_NO_FILE if path.exists() else "does not exist")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
        text = _trimmed(content.decode("utf-8-sig"))
    except OSError as error:
        why = (error.strerror or type(error).__name__).casefold()
        raise Misconfigured(f"cannot be read: {why}") from None
    except UnicodeDecodeError:
        raise Misconfigured("cannot be read: it is no text") from None
    if len(content) > FILE_BYTES:
        raise Misconfigured(_NO_FILE)
    if not text:
        raise Misconfigured("is empty")
    if not text.isprintable():
        raise Misconfigured(_NO_TEXT)
    if _PLACEHOLDER.fullmatch(text):
        raise Misconfigured("holds a placeholder like ${...} that nobody filled in")
    return text


def _database_problem(url: str) -> str | None:
    from korus_mcp.foundation.database_addresses import problem_of  # most starts name none

    return problem_of(url)


def _collector_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not an address"
    # Plain http is usual within a cluster, and spans hold nothing of persons.
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must be an address like http://127.0.0.1:4318"
    if parts.username is not None or parts.query or parts.fragment:
        return "must not hold a user name, a query or a fragment"
    return None


def _address_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        # urlsplit checks the port only when it is read.
        _ = parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must be an https address"
    if parts.username is not None or parts.query or parts.fragment:
        return "must not hold a user name, a query or a fragment"
    try:
        canonical_origin(url)
    except ValueError:
        return "must have a host name in ASCII"
    if not is_unread_on_the_way(parts.scheme, parts.hostname):
        return "may use http:// for loopback only"
    return None


def _public_problem(url: str) -> str | None:
    problem = _address_problem(url)
    # A proxy may have another path for it, but nothing of it is at the root of an address.
    if problem is None and urlsplit(url).path in ("", "/"):
        return f"needs the path at which the server answers: {url.rstrip('/')}{HTTP_PATH}"
    return problem


_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_WHOLE = re.compile(r"[0-9]{1,12}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")
_NO_TEXT = "holds a character that cannot be seen, or bytes that are no text"
_NO_FILE = f"is no regular file of at most {FILE_BYTES // 1024} KiB"
_USER = r"((?:[^\s:/?#\[\]@%]|%[0-9A-Fa-f]{2})+(:(?:[^\s:/?#\[\]@%]|%[0-9A-Fa-f]{2})*)?@)?"
_SERVER_HOST = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
_SERVER_PORT = r"(:(?P<port>[0-9]{1,5}))?"
_PROXY = re.compile(rf"https?://{_USER}{_SERVER_HOST}{_SERVER_PORT}/?", re.ASCII)
_PROXY_FORM = (
    "the address of an http proxy like http://user:password@host:3128; in user and password, "
    "each of : / ? # [ ] @ and % is percent-encoded"
)
_PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
_HOST = re.compile(rf"{_NAME}|(localhost|127(\.[0-9]{{1,3}}){{3}}|\[::1\]):{_PORT}", re.ASCII)
_SERVED_HOST = re.compile(rf"({_NAME}|\[[0-9a-f:.]+\])(:{_PORT})?", re.ASCII)
_WEB_ORIGIN = re.compile(rf"https?://{_SERVER_HOST}{_SERVER_PORT}", re.ASCII | re.IGNORECASE)
# RFC 6749; a quote would end the header in which they stand.
_SCOPE = re.compile(r"[!#-\[\]-~]{1,200}", re.ASCII)
_DEFAULT_API = {Environment.PRODUCTION: PRODUCTION_API, Environment.DEMO: DEMO_API}
_DEFAULT_TOKEN = {Environment.PRODUCTION: PRODUCTION_TOKEN}
_WORLD_NAMES = ("KORUS_CLIENT_ID", "KORUS_CLIENT_SECRET", "KORUS_API_URL", "KORUS_TOKEN_URL")
_PRODUCTION_GATES = ("KORUS_APPROVAL", "KORUS_MAX_ORDER_AMOUNT", "KORUS_MAX_DAY_AMOUNT")
_LABEL_RULE = {
    Environment.SANDBOX: "a sandbox is embedded or on loopback.",
    Environment.DEMO: f"demo is {DEMO_API} or on loopback.",
    Environment.PRODUCTION: "the demo host and loopback are not production.",
}
