"""A text in the languages of the sandbox."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["fr", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages of the sandbox."""

    fr: str
    en: str

    def in_language(self, language: Language) -> str:
        """The text in one of the two languages."""
        return self.en if language == "en" else self.fr


def same(text: str) -> Text:
    """A text that is the same in both languages, as names are."""
    return Text(text, text)


def texts(pairs: str) -> list[Text]:
    """Parse texts written as "French / English; French / English"."""
    parts = (pair.split("/") for pair in pairs.split(";"))
    return [Text(french.strip(), english.strip()) for french, english in parts]
