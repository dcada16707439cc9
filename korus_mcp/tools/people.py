"""What is said of a person: written as people write it, sent in the one form the API takes.

Names are taken as they are or refused; the rest has a canonical form, which is also what a person
is shown before they agree.
"""

import re
import unicodedata
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.language_tags import canonical
from korus_mcp.tools.arguments import WRITABLE

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP: Final = "[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
_EMAIL: Final = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*+@(?:{_LABEL}\.)++{_TOP}")
_BETWEEN_DIGITS: Final = re.compile(r"[ ./()-]")
_ABROAD: Final = r"[ (]*+(?:\+|0 ?0)"
"""How a number begins that has the code of its country."""
_TRUNK: Final = re.compile(
    rf"(?P<code>{_ABROAD}[ ).(-]*(?P<country>[0-9]{{1,3}})[ )./-]*)\( *0 *\)"
)
"""The zero that is dialled at home only: "+33 (0)6 ..."."""
_KEEPS_ZERO: Final = {"39", "378", "225", "229", "241", "242"}
"""Codes of countries whose numbers begin with a zero from abroad, too."""
_HOME_ZERO: Final = re.compile(
    r"(?:\+|00)(?:3[123]|35[38]|4[013469]|6[14]|8[12]|27|9[01]|262|59[046])0"
)
"""A zero behind the code of a country in which no number begins with one from abroad."""
MOST_BEFORE_A_SLASH: Final = 6
"""Digits of the longest area codes, with the zero of home; a country's has three more at most."""
_NEXT_PART: Final = re.compile(r"[/(]")
_PHONE: Final = re.compile(r"\+?[0-9]{6,17}", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_COUNTRIES: Final = {"UK": "GB", "EL": "GR"}
"""Codes that people use and ISO 3166-1 has another for."""
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
    """A number without what people write between its digits; no digit is left out but "(0)"."""
    # Phones write full-width digits and dashes of their own; the API takes digits alone.
    marks = unicodedata.normalize("NFKC", value).strip()
    plain = "".join("-" if unicodedata.category(c) == "Pd" else c for c in marks)
    trunk = _TRUNK.match(plain)
    if trunk is not None and trunk["country"] not in _KEEPS_ZERO:
        plain = trunk["code"] + plain[trunk.end() :]
    # Any other mark, a letter or a second "+", may be the word of an extension: it is refused.
    bare = _BETWEEN_DIGITS.sub("", plain)
    if _PHONE.fullmatch(bare) is None:
        raise ValueError("must be 6 to 17 digits, with + before the code of a country")
    if _HOME_ZERO.match(bare) is not None:
        raise ValueError("must be written without the 0 behind the code of a country")
    if any(map(_is_whole, _NEXT_PART.split(plain)[:-1])):
        raise ValueError("must be one number, without the ending of another behind it")
    return bare


def _is_whole(part: str) -> bool:
    """Whether a part has more digits than codes have: then another number follows behind it."""
    digits = _BETWEEN_DIGITS.sub("", part.replace(")", ""))
    if digits.startswith(("+", "00")):
        return len(digits.removeprefix("+").removeprefix("00")) > MOST_BEFORE_A_SLASH + 2
    return len(digits) > MOST_BEFORE_A_SLASH - (not digits.startswith("0"))


def _country(value: str) -> str:
    # Only ASCII: upper case makes other letters of some, such as "ß".
    code = value.strip().upper() if value.isascii() else ""
    if _COUNTRY.fullmatch(code) is None:
        raise ValueError("must be the two letters of a country")
    return _COUNTRIES.get(code, code)


def _language(value: str) -> str:
    # The API knows languages of people by two letters: "fr-CA" is more than it can keep.
    found = canonical(value)
    if found is None or len(found) != 2:
        raise ValueError("must be the two letters of a language")
    return found


def _title(value: Any) -> Any:
    """The API's word for a form of address; what is none is left to be refused."""
    if not isinstance(value, str):
        return value
    return _TITLES.get(fold(value).removesuffix("."), value)


Email: TypeAlias = Annotated[
    str, Field(max_length=254, examples=["ada@example.org"]), WRITABLE, AfterValidator(_email)
]
"""A dot-atom of RFC 5322 and a domain name: no quotes, comments or brackets, in which a text for
the person who is asked could hide."""
Phone: TypeAlias = Annotated[
    str, Field(max_length=40, examples=["+33610203040"]), AfterValidator(_phone)
]
Country: TypeAlias = Annotated[
    str, Field(max_length=40, description="ISO code", examples=["FR"]), AfterValidator(_country)
]
PersonsLanguage: TypeAlias = Annotated[
    str, Field(max_length=40, examples=["fr"]), AfterValidator(_language)
]
Title: TypeAlias = Annotated[
    Literal["mr", "mrs", "mx"], BeforeValidator(_title), Field(examples=["mrs"])
]
