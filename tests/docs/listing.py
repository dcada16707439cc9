"""The list of tools, made from their files: korus_mcp/tools/listing.json holds it.

A server reads the file; what makes its schemas is here, since nothing needs it at run time.
"""

from typing import Any, get_args, get_type_hints

from mcp.server.mcpserver.tools.base import Tool
from mcp_types import Tool as Description

from korus_mcp.answers.views import View
from korus_mcp.settings import Content
from korus_mcp.tools import declared
from korus_mcp.tools.declare import Declared, callable_only
from tests.docs.schema import lean, portable


def build(declaration: Declared, content: Content) -> Tool:
    """The tool with its schemas; `content` says which halves of a reply go out."""
    made = callable_only(declaration, content)
    made.parameters = portable(made.fn_metadata.arg_model.model_json_schema())
    if content is not Content.TEXT:
        made.fn_metadata.output_schema = lean(
            view_of(declaration).model_json_schema(mode="serialization")
        )
    return made


def view_of(declaration: Declared) -> type[View]:
    """The view that a tool answers, from the type of its function."""
    view: type[View] = get_args(get_type_hints(declaration.function)["return"])[0]
    return view


def described(name: str) -> dict[str, Any]:
    """The entry of a tool in the listing."""
    made = build(declared(name), Content.BOTH)
    description = Description(
        name=made.name,
        title=made.title,
        description=made.description,
        input_schema=made.parameters,
        output_schema=made.output_schema,
        annotations=made.annotations,
        meta=made.meta,
    )
    return description.model_dump(mode="json", by_alias=True, exclude_none=True)
