"""The smallest picture and sound that the suite's tools and resources answer with."""

import base64
from typing import Final

from mcp_types import AudioContent, ImageContent

PNG: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5E"
    "rkJggg=="
)
"""A picture of one pixel."""
WAV: Final = base64.b64encode(
    b"RIFF"
    + (38).to_bytes(4, "little")
    + b"WAVEfmt "
    + (16).to_bytes(4, "little")
    + b"\1\0\1\0"
    + (8000).to_bytes(4, "little")
    + (16000).to_bytes(4, "little")
    + b"\2\0\x10\0"
    + b"data"
    + (2).to_bytes(4, "little")
    + b"\0\0"
).decode()
"""A sound of one sample: mono, 8 kHz, 16 bits."""


def picture() -> ImageContent:
    """The picture as a block of content."""
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def sound() -> AudioContent:
    """The sound as a block of content."""
    return AudioContent(type="audio", data=WAV, mime_type="audio/wav")
