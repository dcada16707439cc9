"""A one-page PDF with a few lines of text, small but real."""

from io import BytesIO

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

_WIDTH, _HEIGHT = 420, 298
_FONT = DictionaryObject(
    {
        NameObject("/Type"): NameObject("/Font"),
        NameObject("/Subtype"): NameObject("/Type1"),
        NameObject("/BaseFont"): NameObject("/Helvetica"),
        NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
    }
)


def page_of_text(lines: list[str]) -> bytes:
    """The file; the first line is the title."""
    writer = PdfWriter()
    page = writer.add_blank_page(_WIDTH, _HEIGHT)
    fonts = DictionaryObject({NameObject("/F1"): writer._add_object(_FONT)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = DecodedStreamObject()
    stream.set_data(_drawing(lines))
    page[NameObject("/Contents")] = writer._add_object(stream)
    writer.add_metadata({"/Title": lines[0], "/Producer": "korus-mcp sandbox"})
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def _drawing(lines: list[str]) -> bytes:
    shown = [b"BT /F1 15 Tf 28 256 Td (" + _escaped(lines[0]) + b") Tj /F1 10 Tf"]
    shown += [b"0 -21 Td (" + _escaped(line) + b") Tj" for line in lines[1:]]
    return b"\n".join([*shown, b"ET"])


def _escaped(line: str) -> bytes:
    text = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return " ".join(text.split()).encode("cp1252", "replace")
