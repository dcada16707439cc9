"""The stored form of the details of a product base: compressed JSON without empty fields.

Id and catalog are columns beside it. Written by hand and not with pydantic, whose models would have
to be built before the first search can answer.
"""

import json
import zlib
from dataclasses import fields
from typing import Any, Final

from korus_mcp.catalog.bases import BaseRecord, CatalogRecord, Choice, ProductRecord, VenueRecord
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.unread import UNREAD

_LEVEL: Final = 1
_UNREAD: Final = "unread"
_APART: Final = ("handle", "catalog", "place", "images", "choices", "products", "is_disabled")
"""Fields that are not stored (a disabled base never is), or in a form of their own."""
_PLAIN: Final = tuple(each.name for each in fields(BaseRecord) if each.name not in _APART)


def packed(record: BaseRecord) -> bytes:
    """The details of a base, in their stored form."""
    content: dict[str, Any] = {name: getattr(record, name) for name in _PLAIN}
    content |= {
        "place": {part: text for part, text in vars(record.place).items() if text is not None},
        "images": record.images,
        "choices": {code: [(c.id, c.name) for c in each] for code, each in record.choices.items()},
        "products": [(p.id, p.name, dict(p.choices)) for p in record.products.values()],
    }
    # UNREAD has no form in JSON, and None would mean that there is no limit.
    if record.max_per_order is UNREAD:
        content["max_per_order"] = _UNREAD
    # Empty fields are left out; False and 0 mean something and stay.
    kept = {key: value for key, value in content.items() if value not in (None, (), [], {})}
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode(), _LEVEL)


def unpacked(blob: bytes, handle: Handle, catalog: CatalogRecord) -> BaseRecord:
    """The base whose details were stored by `packed`."""
    kept = json.loads(zlib.decompress(blob))
    if kept.get("max_per_order") == _UNREAD:
        kept["max_per_order"] = UNREAD
    return BaseRecord(
        handle=handle,
        catalog=catalog,
        place=VenueRecord(**kept.get("place", {})),
        images=tuple(kept.get("images", ())),
        choices={
            code: tuple(Choice(id=value_id, code=code, name=name) for value_id, name in each)
            for code, each in kept.get("choices", {}).items()
        },
        products={
            product_id: ProductRecord(product_id, name, choices)
            for product_id, name, choices in kept.get("products", ())
        },
        **{name: kept[name] for name in _PLAIN if name in kept},
    )
