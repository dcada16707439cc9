"""Makes a small, valid PDF: one page with a few lines of text."""

from io import BytesIO
from textwrap import wrap

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

_WIDTH, _HEIGHT = 595, 420
_LINE_WIDTH = 90
# A standard font that every reader has, so it is not embedded; its encoding covers French.
_FONT = {
    "/Type": "/Font",
    "/Subtype": "/Type1",
    "/BaseFont": "/Helvetica",
    "/Encoding": "/WinAnsiEncoding",
}


def page_of_text(lines: list[str]) -> bytes:
    """The bytes of the PDF; the first line is the title."""
    writer = PdfWriter()
    page = writer.add_blank_page(_WIDTH, _HEIGHT)
    font = DictionaryObject({NameObject(key): NameObject(name) for key, name in _FONT.items()})
    fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = DecodedStreamObject()
    stream.set_data(_drawing(lines))
    page[NameObject("/Contents")] = writer._add_object(stream)
    writer.add_metadata({"/Title": lines[0], "/Producer": "korus-mcp sandbox"})
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def _drawing(lines: list[str]) -> bytes:
    wrapped = [part for line in lines[1:] for part in wrap(line, _LINE_WIDTH)]
    shown = [b"BT /F1 15 Tf 36 372 Td (" + _escaped(lines[0]) + b") Tj /F1 10 Tf"]
    shown += [b"0 -20 Td (" + _escaped(line) + b") Tj" for line in wrapped]
    return b"\n".join([*shown, b"ET"])


def _escaped(line: str) -> bytes:
    # Brackets end a text in PDF; unescaped, a name could inject drawing commands.
    text = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return " ".join(text.split()).encode("cp1252", "replace")
