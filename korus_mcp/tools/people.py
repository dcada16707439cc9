"""Types for data of people: accepted as people write them, brought to the form the API takes.

Names are taken as they are or refused. E-mail, phone and the rest get a canonical form, which is
also what a person is shown before they agree.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.language_tags import canonical
from korus_mcp.tools.arguments import WRITABLE


class OfAPerson(BaseModel):
    """Data of a person. Their representation, which may stand in a log, does not show them."""

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return ()


_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP: Final = "[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
_EMAIL: Final = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*+@(?:{_LABEL}\.)++{_TOP}")
_BETWEEN_DIGITS: Final = re.compile(r"[ ./()-]")
_ABROAD: Final = r"[ (]*+(?:\+|0 ?0)"
"""How a phone number with a country code begins."""
_TRUNK: Final = re.compile(
    rf"(?P<code>{_ABROAD}[ ).(-]*(?P<country>[0-9]{{1,3}})[ )./-]*)\( *0 *\)"
)
"""The zero in brackets, which is dialled only within the country: "+33 (0)6 ..."."""
_KEEPS_ZERO: Final = {"39", "378", "225", "229", "241", "242"}
"""Country codes after which a number keeps its leading zero."""
_HOME_ZERO: Final = re.compile(
    r"(?:\+|00)(?:3[123]|35[38]|4[013469]|6[14]|8[12]|27|9[01]|262|59[046])0"
)
"""A leading zero after the code of a country where it is not dialled from abroad."""
MOST_BEFORE_A_SLASH: Final = 6
"""The most digits of an area code with its leading zero; a country code has at most three more."""
_NEXT_PART: Final = re.compile(r"[/(]")
_PHONE: Final = re.compile(r"\+?[0-9]{6,17}", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_COUNTRIES: Final = {"UK": "GB", "EL": "GR"}
"""Common country codes that are not those of ISO 3166-1."""
_TITLES: Final = {
    word: title
    for title, words in {
        "mr": "mr mister m monsieur herr sr senor sig signor",
        "mrs": "mrs ms miss missus mme madame mlle mademoiselle frau sra senora sig.ra signora",
        "mx": "mx mixter",
    }.items()
    for word in words.split()
}


def _email(value: str) -> str:
    if _EMAIL.fullmatch(value) is None:
        raise ValueError("must be a plain e-mail address")
    return value


def _phone(value: str) -> str:
    """A phone number without the marks people write between digits. Only the "(0)" is dropped."""
    # Some keyboards write full-width digits and other dashes; the API takes plain digits only.
    marks = unicodedata.normalize("NFKC", value).strip()
    plain = "".join("-" if unicodedata.category(c) == "Pd" else c for c in marks)
    trunk = _TRUNK.match(plain)
    if trunk is not None and trunk["country"] not in _KEEPS_ZERO:
        plain = trunk["code"] + plain[trunk.end() :]
    # Any other character, such as a letter or a second "+", may begin an extension: refused.
    bare = _BETWEEN_DIGITS.sub("", plain)
    if _PHONE.fullmatch(bare) is None:
        raise ValueError("must be 6 to 17 digits, with + before the code of a country")
    if _HOME_ZERO.match(bare) is not None:
        raise ValueError("must be written without the 0 behind the code of a country")
    if any(map(_is_whole, _NEXT_PART.split(plain)[:-1])):
        raise ValueError("must be one number, without the ending of another behind it")
    return bare


def _is_whole(part: str) -> bool:
    """Whether a part has more digits than area and country codes: then it is a number by itself."""
    digits = _BETWEEN_DIGITS.sub("", part.replace(")", ""))
    if digits.startswith(("+", "00")):
        return len(digits.removeprefix("+").removeprefix("00")) > MOST_BEFORE_A_SLASH + 2
    return len(digits) > MOST_BEFORE_A_SLASH - (not digits.startswith("0"))


def _country(value: str) -> str:
    # Only ASCII: `upper` would turn some letters into others, such as "ß" into "SS".
    code = value.strip().upper() if value.isascii() else ""
    if _COUNTRY.fullmatch(code) is None:
        raise ValueError("must be the two letters of a country")
    return _COUNTRIES.get(code, code)


def _language(value: str) -> str:
    # The API takes two letters for a person's language, so "fr-CA" cannot be sent.
    found = canonical(value)
    if found is None or len(found) != 2:
        raise ValueError("must be the two letters of a language")
    return found


def _title(value: Any) -> Any:
    """The API's word for a form of address; any other value is returned and then refused."""
    if not isinstance(value, str):
        return value
    return _TITLES.get(fold(value).removesuffix("."), value)


Email: TypeAlias = Annotated[
    str, Field(max_length=254, examples=["ada@example.org"]), WRITABLE, AfterValidator(_email)
]
"""A dot-atom of RFC 5322 and a domain name. No quotes, comments or brackets: they could hide a
text meant for the person who is asked to agree."""
Phone: TypeAlias = Annotated[
    str, Field(max_length=40, examples=["+33610203040"]), AfterValidator(_phone)
]
Country: TypeAlias = Annotated[
    str, Field(max_length=40, description="ISO", examples=["FR"]), AfterValidator(_country)
]
PersonsLanguage: TypeAlias = Annotated[
    str, Field(max_length=40, examples=["fr"]), AfterValidator(_language)
]
Title: TypeAlias = Annotated[
    Literal["mr", "mrs", "mx"],
    BeforeValidator(_title),
    WithJsonSchema({"type": "string", "description": "mr, mrs, mx"}),
    Field(examples=["mrs"]),
]
"""No enum on the wire: a model that has to fill in everything would have to choose one for a person
who named none."""
