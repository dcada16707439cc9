"""What is known of a copy of a catalog that one server leaves for others, and whose crawl it is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedCopy:
    """A copy that a server published: when its crawl came to an end, in seconds since 1970 by the
    clock of that server (None: it has all names, and not yet all details), its bytes as it is on
    the disk, and their SHA-256 in hexadecimal digits; "" where it is too large to be there.
    """

    complete_at: float | None
    size: int
    digest: str


@dataclass(frozen=True)
class Claim:
    """Whether the crawl is this server's now, so that no other one crawls, and what is published:
    the one copy of this name.
    """

    is_ours: bool
    published: PublishedCopy | None
