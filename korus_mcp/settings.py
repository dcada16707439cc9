"""Settings: every KORUS_ variable, its default and its meaning, read once into a frozen value.

The table SETTINGS is the one source: README, server.json and `korus-mcp check` are made from it.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from korus_mcp.foundation.language_tags import MOST_LISTED, canonical
from korus_mcp.foundation.origins import canonical_origin, is_loopback

_Choice = TypeVar("_Choice", bound=StrEnum)
_Value = TypeVar("_Value", int, Decimal)

NAME = "korus-mcp"
"""What the server calls itself, and the folder of a user that its files lie in."""
PREFIX = "KORUS_"
PRODUCTION_API = "https://api.korusticket.com"
DEMO_API = "https://api.demo.korusticket.com"
PRODUCTION_TOKEN = "https://auth.korusticket.com/realms/korusticket/protocol/openid-connect/token"  # noqa: S105 - an address
SANDBOX_API = "https://sandbox.invalid"
SANDBOX_DOCUMENT_HOST = "documents.sandbox.invalid"
MOST_PORT = 65_535
MOST_SEED = 2**32 - 1
FILE_BYTES = 64 * 1024
"""The longest credential a file may hold: more is another file, named by mistake."""


class Environment(StrEnum):
    """Which world the server acts in; every reply that holds or spends names it."""

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


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One variable as a person sets it."""

    name: str
    default: str
    meaning: str
    secret: bool = False
    choices: tuple[str, ...] = ()
    from_file: bool = False
    least: int | None = None
    most: int | None = None
    """Of a number: the bounds it is held to when it is read."""


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="KORUS_ENVIRONMENT",
        default="sandbox when nothing is set",
        meaning="The world to act in. Without any KORUS_ credential, address or environment: the "
        "embedded sandbox, and no connection leaves the process.",
        choices=tuple(Environment),
    ),
    Setting(
        name="KORUS_CLIENT_ID",
        default="-",
        meaning="Service account at KorusTicket.",
        from_file=True,
    ),
    Setting(
        name="KORUS_CLIENT_SECRET",
        default="-",
        meaning="Its secret.",
        secret=True,
        from_file=True,
    ),
    Setting(
        name="KORUS_API_URL",
        default="per environment",
        meaning="Origin of the API. http:// is accepted for loopback only.",
    ),
    Setting(
        name="KORUS_TOKEN_URL",
        default="per environment",
        meaning="Token endpoint. The demo address is not published: required there.",
    ),
    Setting(
        name="KORUS_DOCUMENT_HOSTS",
        default="storage.googleapis.com",
        meaning="Replaces the hosts signed document addresses may point to: exact names, commas, "
        "host:port for loopback.",
    ),
    Setting(
        name="KORUS_HTTP_PROXY",
        default="-",
        meaning="A proxy to the API, its sign-in and its documents, like "
        "http://user:password@host:3128; never to this machine.",
        secret=True,
    ),
    Setting(
        name="KORUS_TRUST_ENV",
        default="false",
        meaning="Take the proxy from HTTPS_PROXY, ALL_PROXY and NO_PROXY. SSL_CERT_FILE and "
        "SSL_CERT_DIR, the authorities to trust instead of the system's, count in any case.",
        choices=("false", "true"),
    ),
    Setting(name="KORUS_LANGUAGE", default="fr", meaning="Default language of answers."),
    Setting(
        name="KORUS_LANGUAGES",
        default="KORUS_LANGUAGE",
        meaning="Languages whose catalog is read ahead, commas; others on first use.",
    ),
    Setting(
        name="KORUS_PROFILE",
        default="buyer in the sandbox, else browse",
        meaning="Which tools exist.",
        choices=tuple(Profile),
    ),
    Setting(
        name="KORUS_SCOPE",
        default="own; account in service-desk",
        meaning="Whose orders are seen: those made here, or all of the account.",
        choices=tuple(Scope),
    ),
    Setting(
        name="KORUS_APPROVAL",
        default="auto in sandbox and demo",
        meaning="How a person agrees: auto asks through the host if it can, else in two steps; "
        "two_step always; human asks or refuses. Required in production with a buying profile.",
        choices=tuple(Approval),
    ),
    Setting(
        name="KORUS_MAX_ORDER_AMOUNT",
        default="1000, or the limit of a day if that is less",
        meaning="EUR in one order. Required in production with a buying profile.",
        least=1,
        most=1_000_000,
    ),
    Setting(
        name="KORUS_MAX_DAY_AMOUNT",
        default="5000",
        meaning="EUR in a UTC day, orders in flight included. Required like the above.",
        least=1,
        most=100_000_000,
    ),
    Setting(
        name="KORUS_MAX_TICKETS",
        default="50",
        meaning="Tickets in one order.",
        least=1,
        most=1_000,
    ),
    Setting(
        name="KORUS_MAX_OPEN_HOLDS",
        default="20",
        meaning="Reservations held and not ordered, of one principal; with them at most twice "
        "KORUS_MAX_TICKETS and as much as KORUS_MAX_DAY_AMOUNT.",
        least=1,
        most=10_000,
    ),
    Setting(
        name="KORUS_CALLS_PER_MINUTE",
        default="600",
        meaning="Calls of one principal; 0 for any number. An order call that is repeated is free.",
        least=0,
        most=1_000_000,
    ),
    Setting(
        name="KORUS_WRITES_PER_MINUTE",
        default="60",
        meaning="New holds and orders of one principal; 0 for any number.",
        least=0,
        most=1_000_000,
    ),
    Setting(name="KORUS_CATALOGS", default="all", meaning="Allowed catalog aliases, commas."),
    Setting(
        name="KORUS_CACHE_DIR",
        default="the platform's cache folder",
        meaning="Where the catalog mirror is kept.",
    ),
    Setting(
        name="KORUS_DATABASE_URL",
        default="a file in the platform's data folder",
        meaning="Journal of bookings: sqlite:///... or postgresql://...",
        secret=True,
    ),
    Setting(
        name="KORUS_DOWNLOAD_DIR",
        default="the platform's download folder",
        meaning="Where get_tickets saves PDF files.",
    ),
    Setting(
        name="KORUS_JOURNAL_KEY",
        default="-",
        meaning="Keys the audit chain of the journal.",
        secret=True,
    ),
    Setting(
        name="KORUS_SOLE_WRITER",
        default="false",
        meaning="Nobody else orders on this account: allows adopting a lost hold.",
        choices=("false", "true"),
    ),
    Setting(
        name="KORUS_SETTLE_SECONDS",
        default="300",
        meaning="How long after its deadline an unanswered order may still appear.",
        least=120,
        most=86_400,
    ),
    Setting(
        name="KORUS_SHUTDOWN_SECONDS",
        default="30",
        meaning="How long a stop waits for orders in flight.",
        least=0,
        most=3_600,
    ),
    Setting(
        name="KORUS_MCP_CONTENT",
        default="both",
        meaning="Which halves of a reply are sent.",
        choices=tuple(Content),
    ),
    Setting(
        name="KORUS_SANDBOX_BASES",
        default="0",
        meaning="Generated product bases added to the sandbox.",
        least=0,
        most=200_000,
    ),
    Setting(
        name="KORUS_SANDBOX_SEED",
        default="random",
        meaning="Fixes the ids of the sandbox.",
        least=0,
        most=MOST_SEED,
    ),
)

_FILE_SUFFIX = "_FILE"
_BY_NAME = {s.name: s for s in SETTINGS}
KNOWN_NAMES = frozenset(s.name for s in SETTINGS) | frozenset(
    s.name + _FILE_SUFFIX for s in SETTINGS if s.from_file
)


class Misconfigured(Exception):
    """The settings contradict each other or lack something; the server does not start.

    `problems` holds one sentence for each, without any value of a secret.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Account:
    """An account of the API: its journal, its day budget and its catalog are found by it."""

    environment: str
    api_url: str
    client_id: str

    def key(self, *within: str) -> str:
        """32 hex digits of the account, or of a part of what belongs to it.

        Files are named and rows are marked by it: another text would lose what is kept there.
        """
        import hashlib  # not needed to start

        text = "\n".join((self.environment, self.api_url, self.client_id, *within))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the operator chose, complete and checked.

    Amounts are EUR, times are seconds. `embedded` means the sandbox inside this process.
    """

    environment: Environment = Environment.SANDBOX
    embedded: bool = True
    api_url: str = SANDBOX_API
    token_url: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    document_hosts: frozenset[str] = frozenset({SANDBOX_DOCUMENT_HOST})
    http_proxy: str | None = field(default=None, repr=False)
    no_proxy: str = ""
    trust_env: bool = False
    ca_file: str | None = None
    ca_folder: str | None = None
    language: str = "fr"
    languages: tuple[str, ...] = ("fr",)
    profile: Profile = Profile.BUYER
    tools: tuple[str, ...] | None = None
    scope: Scope = Scope.OWN
    approval: Approval = Approval.AUTO
    max_order_amount: Decimal = Decimal(1000)
    max_day_amount: Decimal = Decimal(5000)
    max_tickets: int = 50
    max_open_holds: int = 20
    calls_per_minute: int = 600
    writes_per_minute: int = 60
    catalogs: tuple[str, ...] | None = None
    cache_dir: Path | None = None
    database_url: str | None = field(default=None, repr=False)
    download_dir: Path | None = None
    journal_key: str | None = field(default=None, repr=False)
    sole_writer: bool = False
    settle_seconds: int = 300
    shutdown_seconds: int = 30
    content: Content = Content.BOTH
    sandbox_bases: int = 0
    sandbox_seed: int | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """One account has one form: journal, day budget and mirror are found by it."""
        if self.api_url:
            object.__setattr__(self, "api_url", canonical_origin(self.api_url))
        object.__setattr__(self, "client_id", _trimmed(self.client_id))

    @property
    def account(self) -> Account:
        """Whose orders and whose catalog it is about."""
        return Account(self.environment, self.api_url, self.client_id)

    def narrowed(
        self, *, profile: Profile | None = None, tools: tuple[str, ...] | None = None
    ) -> "Settings":
        """The same settings with what the command line narrows: a profile, a list of tools.

        Raises:
            Misconfigured: the profile would offer more than the settings allow.
        """
        tools = self.tools if tools is None else tools
        if tools == ():
            raise Misconfigured("--tools names no tool.")
        if profile is None:
            return replace(self, tools=tools)
        order = list(Profile)
        if order.index(profile) > order.index(self.profile):
            raise Misconfigured(
                f"--profile {profile} offers more tools than KORUS_PROFILE={self.profile}; "
                "it may only narrow."
            )
        leaves_desk = self.profile is Profile.SERVICE_DESK is not profile
        scope = Scope.OWN if leaves_desk else self.scope
        return replace(self, profile=profile, tools=tools, scope=scope)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read and check all settings; an empty variable counts as not set.

    Raises:
        Misconfigured: naming every problem found, not only the first.
    """
    return _Reader(environ).read()


class _Reader:
    """Collects problems while it reads, so that a person mends them in one go."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._given = {k: _trimmed(v) for k, v in environ.items() if k.startswith(PREFIX)}
        self._given = {k: v for k, v in self._given.items() if v}
        self._environ = environ
        self._problems: list[str] = []
        self._warnings: list[str] = []

    def read(self) -> Settings:
        self._check_names()
        world = self._way_out(self._world())
        settings = self._rest(world)
        if self._problems:
            raise Misconfigured(*self._problems)
        return replace(settings, warnings=tuple(self._warnings))

    def _check_names(self) -> None:
        for name in sorted(self._given.keys() - KNOWN_NAMES):
            close = difflib.get_close_matches(name, KNOWN_NAMES, n=1, cutoff=0.85)
            if close:
                self._problems.append(f"{name} is not a setting; did you mean {close[0]}?")
            else:
                self._warnings.append(f"{name} is not a setting of korus-mcp and is ignored.")
        for name in sorted(self._given.keys() & KNOWN_NAMES):
            if not self._given[name].isprintable():
                del self._given[name]
                self._problems.append(f"{name} {_NO_TEXT}.")

    def _world(self) -> Settings:
        named = self._one_of("KORUS_ENVIRONMENT", Environment)
        touching = [n for n in _WORLD_NAMES if self._has(n)]
        if named is None and not touching:
            return Settings()
        if named is None:
            if "KORUS_ENVIRONMENT" not in self._given:
                self._problems.append(
                    f"{', '.join(touching)} given, but KORUS_ENVIRONMENT is not: "
                    "say sandbox, demo or production."
                )
            return Settings()
        if named is Environment.SANDBOX and "KORUS_API_URL" not in self._given:
            return Settings()
        return self._remote(named)

    def _remote(self, named: Environment) -> Settings:
        api_url = self._origin("KORUS_API_URL", _DEFAULT_API.get(named))
        token_url = self._address("KORUS_TOKEN_URL", _DEFAULT_TOKEN.get(named))
        client_id, client_secret = self._text("KORUS_CLIENT_ID"), self._text("KORUS_CLIENT_SECRET")
        missing = [
            name
            for name, value in (
                ("KORUS_API_URL", api_url),
                ("KORUS_TOKEN_URL", token_url),
                ("KORUS_CLIENT_ID", client_id),
                ("KORUS_CLIENT_SECRET", client_secret),
            )
            if not value and not self._has(name)
        ]
        if missing:
            self._problems.append(f"{named} needs {', '.join(missing)}.")
        if api_url:
            self._check_label(named, api_url)
        return Settings(
            environment=named,
            embedded=False,
            api_url=api_url or "",
            token_url=token_url or "",
            client_id=client_id or "",
            client_secret=client_secret or "",
            document_hosts=frozenset(
                self._each("KORUS_DOCUMENT_HOSTS", _HOST, "host names (a port on loopback)")
                or (_DOCUMENT_HOST,)
            ),
        )

    def _way_out(self, world: Settings) -> Settings:
        """The same with a proxy and authorities: facts of the network that other programs obey."""
        trust_env = self._flag("KORUS_TRUST_ENV", default=False)
        named = {"KORUS_HTTP_PROXY": self._given.get("KORUS_HTTP_PROXY", "")}
        if trust_env:
            names = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
            named |= {name: _with_scheme(self._environ.get(name, "")) for name in names}
        name, proxy = next(((n, p) for n, p in named.items() if p), ("", None))
        if proxy is not None and not _is_proxy(proxy):
            self._problems.append(f"{name} must be {_PROXY_FORM}.")
        is_ours = name == "KORUS_HTTP_PROXY" or not trust_env
        excepted = self._environ.get("no_proxy") or self._environ.get("NO_PROXY", "")
        return replace(
            world,
            trust_env=trust_env,
            http_proxy=proxy,
            no_proxy="" if is_ours else excepted,
            ca_file=None if world.embedded else self._authorities("SSL_CERT_FILE"),
            ca_folder=None if world.embedded else self._authorities("SSL_CERT_DIR"),
        )

    def _authorities(self, name: str) -> str | None:
        """Where certificates of authorities lie, by a variable that OpenSSL reads, too."""
        path = _trimmed(self._environ.get(name, ""))
        if path and not _holds_certificates(path, is_file=name == "SSL_CERT_FILE"):
            wanted = "file" if name == "SSL_CERT_FILE" else "folder"
            self._problems.append(f"{name} must name a {wanted} of certificates (PEM).")
        return path or None

    def _check_label(self, named: Environment, api_url: str) -> None:
        host = urlsplit(api_url).hostname or ""
        loopback = is_loopback(host)
        demo_host = host == urlsplit(DEMO_API).hostname
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
        sandbox = world.environment is Environment.SANDBOX
        profile = self._one_of("KORUS_PROFILE", Profile) or (
            Profile.BUYER if sandbox else Profile.BROWSE
        )
        spends_for_real = (
            world.environment is Environment.PRODUCTION and profile is not Profile.BROWSE
        )
        if spends_for_real:
            self._require_gates()
        language = self._languages("KORUS_LANGUAGE", "a language tag like fr")[:1] or ("fr",)
        order_amount, day_amount = self._limits()
        service_desk = profile is Profile.SERVICE_DESK
        return replace(
            world,
            language=language[0],
            languages=self._languages("KORUS_LANGUAGES", "language tags like fr,en") or language,
            profile=profile,
            scope=self._one_of("KORUS_SCOPE", Scope)
            or (Scope.ACCOUNT if service_desk else Scope.OWN),
            approval=self._one_of("KORUS_APPROVAL", Approval) or Approval.AUTO,
            max_order_amount=order_amount,
            max_day_amount=day_amount,
            max_tickets=self._whole("KORUS_MAX_TICKETS", 50),
            max_open_holds=self._whole("KORUS_MAX_OPEN_HOLDS", 20),
            calls_per_minute=self._whole("KORUS_CALLS_PER_MINUTE", 600),
            writes_per_minute=self._whole("KORUS_WRITES_PER_MINUTE", 60),
            catalogs=self._catalogs(),
            cache_dir=self._folder("KORUS_CACHE_DIR"),
            database_url=self._database_url(),
            download_dir=self._folder("KORUS_DOWNLOAD_DIR"),
            journal_key=self._text("KORUS_JOURNAL_KEY"),
            sole_writer=self._flag("KORUS_SOLE_WRITER", default=False),
            settle_seconds=self._whole("KORUS_SETTLE_SECONDS", 300),
            shutdown_seconds=self._whole("KORUS_SHUTDOWN_SECONDS", 30),
            content=self._one_of("KORUS_MCP_CONTENT", Content) or Content.BOTH,
            sandbox_bases=self._whole("KORUS_SANDBOX_BASES", 0),
            sandbox_seed=self._whole("KORUS_SANDBOX_SEED", 0)
            if "KORUS_SANDBOX_SEED" in self._given
            else None,
        )

    def _require_gates(self) -> None:
        missing = [n for n in _PRODUCTION_GATES if n not in self._given]
        if missing:
            self._problems.append(
                f"production with a buying profile needs {', '.join(missing)}: "
                "real money is bound to them."
            )

    def _has(self, name: str) -> bool:
        return name in self._given or name + _FILE_SUFFIX in self._given

    def _text(self, name: str) -> str | None:
        path = self._given.get(name + _FILE_SUFFIX)
        if path is None:
            return self._given.get(name)
        if name in self._given:
            self._problems.append(f"{name} and {name}{_FILE_SUFFIX} are both set; keep one.")
            return None
        try:
            text = _text_of(Path(path))
        except Misconfigured as wrong:
            self._problems.append(f"the file named by {name}{_FILE_SUFFIX} {wrong}.")
            return None
        return text

    def _each(self, name: str, form: re.Pattern[str], wanted: str) -> tuple[str, ...]:
        """The entries of a list, in lower case; none of them may have another form."""
        entries = [e.strip().lower() for e in self._given.get(name, "").split(",") if e.strip()]
        if not all(map(form.fullmatch, entries)):
            self._problems.append(f"{name} must be {wanted}.")
        return tuple(entries)

    def _catalogs(self) -> tuple[str, ...] | None:
        if "KORUS_CATALOGS" not in self._given:
            return None
        from korus_mcp.foundation.ids import ALIAS  # most starts name none

        return self._each("KORUS_CATALOGS", ALIAS, "catalog aliases like k3f9qa") or None

    def _languages(self, name: str, wanted: str) -> tuple[str, ...]:
        """The languages of a list, each once: "fr" and "fr-FR" are one."""
        names = map(canonical, self._each(name, _LANGUAGE, wanted))
        listed = tuple(dict.fromkeys(filter(None, names)))
        if len(listed) > MOST_LISTED:
            self._problems.append(f"{name} must list at most {MOST_LISTED} languages.")
        return listed

    def _one_of(self, name: str, kind: type[_Choice]) -> _Choice | None:
        value = self._given.get(name)
        if value is None:
            return None
        try:
            return kind(value.lower())
        except ValueError:
            self._problems.append(f"{name} must be one of {', '.join(kind)}.")
            return None

    def _limits(self) -> tuple[Decimal, Decimal]:
        """The limits of an order and of a day: an order that passes the day's is never allowed."""
        day = self._amount("KORUS_MAX_DAY_AMOUNT", Decimal(5000))
        order = self._amount("KORUS_MAX_ORDER_AMOUNT", min(Decimal(1000), day))
        if order > day:
            self._problems.append(
                f"KORUS_MAX_ORDER_AMOUNT must not pass KORUS_MAX_DAY_AMOUNT, which is {day} EUR: "
                "no order of that size could be placed."
            )
        return order, day

    def _amount(self, name: str, default: Decimal) -> Decimal:
        wanted = "an amount in EUR like 250 or 99.50"
        return self._parsed(name, default, Decimal, _AMOUNT, wanted)

    def _whole(self, name: str, default: int) -> int:
        return self._parsed(name, default, int, _WHOLE, "a whole number")

    def _parsed(
        self,
        name: str,
        default: _Value,
        parse: Callable[[str], _Value],
        form: re.Pattern[str],
        wanted: str,
    ) -> _Value:
        """A number within the bounds of its setting; what else stands there is a problem."""
        value, setting = self._given.get(name), _BY_NAME[name]
        if value is None:
            return default
        if form.fullmatch(value):
            number = parse(value)
            if _least(setting) <= number <= _most(setting):
                return number
        self._problems.append(
            f"{name} must be {wanted}, from {_least(setting)} to {_most(setting)}."
        )
        return default

    def _flag(self, name: str, *, default: bool) -> bool:
        value = self._given.get(name, "").lower()
        if value not in ("", "true", "false", "1", "0"):
            self._problems.append(f"{name} must be true or false.")
        return default if not value else value in ("true", "1")

    def _folder(self, name: str) -> Path | None:
        value = self._given.get(name)
        try:
            return Path(value).expanduser() if value else None
        except RuntimeError:
            self._problems.append(f"{name} must not begin with ~: no home folder is known for it.")
            return None

    def _database_url(self) -> str | None:
        url = self._given.get("KORUS_DATABASE_URL")
        problem = next(_database_problems(url), None) if url is not None else None
        if problem is not None:
            self._problems.append(f"KORUS_DATABASE_URL must {problem}.")
            return None
        return url

    def _origin(self, name: str, default: str | None) -> str | None:
        url = self._address(name, default)
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.path not in ("", "/") or parts.query:
            self._problems.append(f"{name} must be an origin like https://api.example.org.")
            return None
        return canonical_origin(url)

    def _address(self, name: str, default: str | None) -> str | None:
        url = self._given.get(name, default)
        if url is None:
            return None
        problem = next(_address_problems(url), None)
        if problem is not None:
            self._problems.append(f"{name} {problem}.")
            return None
        return url


def _is_proxy(url: str) -> bool:
    shape = _PROXY.fullmatch(url)
    return shape is not None and 0 < int(shape["port"] or 1) <= MOST_PORT


def _with_scheme(proxy: str) -> str:
    """A proxy as the environment names it: without a scheme it is an http one, as for curl."""
    url = _trimmed(proxy)
    return url if not url or "://" in url else f"http://{url}"


def _holds_certificates(path: str, *, is_file: bool) -> bool:
    """Whether certificates can be read from a file; of folders, that they are some."""
    if not is_file:
        return all(Path(each).is_dir() for each in path.split(os.pathsep))
    import ssl  # most starts name no file

    try:
        ssl.create_default_context(cafile=path)
    except OSError:  # an ssl.SSLError is one
        return False
    return True


def _trimmed(text: str) -> str:
    """A value without white space around it, nor the mark that editors put before a text."""
    return text.strip().strip("\ufeff").strip()


def _text_of(path: Path) -> str:
    """The text of a regular file; a pipe or a device could keep the start waiting for ever.

    Raises:
        Misconfigured: what is wrong with the file, in words that go behind its name.
    """
    try:
        if not path.is_file():
            raise Misconfigured("cannot be read" if not path.exists() else _NO_FILE)
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
        text = _trimmed(content.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        raise Misconfigured("cannot be read") from None
    if len(content) > FILE_BYTES:
        raise Misconfigured(_NO_FILE)
    if not text:
        raise Misconfigured("is empty")
    if not text.isprintable():
        raise Misconfigured(_NO_TEXT)
    return text


def _least(setting: Setting) -> int:
    if setting.least is None:
        raise LookupError(f"{setting.name} has no bounds")
    return setting.least


def _most(setting: Setting) -> int:
    if setting.most is None:
        raise LookupError(f"{setting.name} has no bounds")
    return setting.most


def _database_problems(url: str) -> Iterator[str]:
    """What the address of a journal must be, where it is not: never with a part of it."""
    if url.startswith("sqlite:///"):
        file = unquote(url.removeprefix("sqlite:///"))
        is_named = Path(file).name not in ("", "..")
        if any(c in url for c in "?#") or not is_named or ":memory:" in file or not _is_text(file):
            yield (
                "name a file, like sqlite:////folder/journal.sqlite, and nothing behind it: "
                "a journal has to survive"
            )
    elif url.startswith("postgresql://"):
        yield from _server_problems(url)
    else:
        yield "begin sqlite:/// or postgresql://"


def _server_problems(url: str) -> Iterator[str]:
    shape = _SERVER.fullmatch(url)
    if shape is None or not 0 < int(shape["port"] or 1) <= MOST_PORT:
        yield (
            "have the form postgresql://user:password@host:port/name; in user and password, "
            "each of : / ? # [ ] @ and % is written as %3A, %2F, %3F, %23, %5B, %5D, %40 and %25"
        )
        return
    if not _is_text(unquote(url)):
        yield "hold no character that cannot be seen, also not percent-encoded"
    given = parse_qsl(shape["query"] or "", keep_blank_values=True)
    if {name for name, _ in given} - _SERVER_OPTIONS:
        yield f"have no parameters but {', '.join(sorted(_SERVER_OPTIONS))}"
    if not all(value for _, value in given):
        yield "give each parameter a value"
    if not _SSL_MODES.issuperset(v for n, v in given if n in ("ssl", "sslmode")):
        yield f"have a sslmode of {', '.join(sorted(_SSL_MODES))}"
    if not _SESSIONS.issuperset(v for n, v in given if n == "target_session_attrs"):
        yield f"have target_session_attrs of {', '.join(sorted(_SESSIONS))}"
    ports = [p for n, v in given if n == "port" for p in v.split(",")]
    if not all(_PORT.fullmatch(port) and 0 < int(port) <= MOST_PORT for port in ports):
        yield f"have a port from 1 to {MOST_PORT}"


def _is_text(text: str) -> bool:
    """Whether a decoded text can be seen: bytes that are no text are decoded to a mark."""
    return text.isprintable() and "\ufffd" not in text


def _address_problems(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        yield "is not an address"
        return
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield "must be an https address"
    elif parts.username is not None or parts.query or parts.fragment:
        yield "must not hold a user name, a query or a fragment"
    elif not _is_canonical(url):
        yield "must have a host name in ASCII"
    elif parts.scheme == "http" and not is_loopback(_host(parts)):
        yield "may use http:// for loopback only"


def _is_canonical(url: str) -> bool:
    try:
        return bool(canonical_origin(url))
    except ValueError:
        return False


def _host(parts: SplitResult) -> str:
    return parts.hostname or ""


_WHOLE = re.compile(r"[0-9]{1,12}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)
_NO_TEXT = "holds a character that cannot be seen, or bytes that are no text"
_NO_FILE = f"is no regular file of at most {FILE_BYTES // 1024} KiB"
_SERVER = re.compile(
    r"postgresql://"
    r"((?:[^\s:/?#\[\]@%]|%[0-9A-Fa-f]{2})+(:(?:[^\s:/?#\[\]@%]|%[0-9A-Fa-f]{2})*)?@)?"
    r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])?(:(?P<port>[0-9]{1,5}))?"
    r"/[^\s/?#@:]+(\?(?P<query>[^\s#]*))?",
    re.ASCII,
)
_PROXY = re.compile(
    r"https?://((?:[^\s:/?#\[\]@%]|%[0-9A-Fa-f]{2})+(:(?:[^\s:/?#\[\]@%]|%[0-9A-Fa-f]{2})*)?@)?"
    r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?",
    re.ASCII,
)
_PROXY_FORM = (
    "the address of an http proxy like http://user:password@host:3128; in user and password, "
    "each of : / ? # [ ] @ and % is percent-encoded"
)
_SERVER_OPTIONS = frozenset({"host", "passfile", "port", "ssl", "sslmode", "target_session_attrs"})
_PORT = re.compile("[0-9]{1,5}", re.ASCII)
_SESSIONS = frozenset({"any", "primary", "prefer-standby", "read-only", "read-write", "standby"})
_SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,2}", re.ASCII)
_HOST = re.compile(
    r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|(localhost|127(\.[0-9]{1,3}){3}|\[::1\]):"
    r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])",
    re.ASCII,
)
_DOCUMENT_HOST = "storage.googleapis.com"
_DEFAULT_API = {Environment.PRODUCTION: PRODUCTION_API, Environment.DEMO: DEMO_API}
_DEFAULT_TOKEN = {Environment.PRODUCTION: PRODUCTION_TOKEN}
_WORLD_NAMES = ("KORUS_CLIENT_ID", "KORUS_CLIENT_SECRET", "KORUS_API_URL", "KORUS_TOKEN_URL")
_PRODUCTION_GATES = ("KORUS_APPROVAL", "KORUS_MAX_ORDER_AMOUNT", "KORUS_MAX_DAY_AMOUNT")
_LABEL_RULE = {
    Environment.SANDBOX: "a sandbox is embedded or on loopback.",
    Environment.DEMO: f"demo is {DEMO_API} or on loopback.",
    Environment.PRODUCTION: "the demo host and loopback are not production.",
}
