"""The tools that the suite calls, declared and run as ours are. It prescribes names and answers."""

from typing import Annotated, Any, Final, Literal

import anyio
from mcp import MCPError
from mcp.server.elicitation import AcceptedElicitation
from mcp.server.mcpserver import Elicit
from mcp.server.mcpserver.tools.base import Tool
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    ContentBlock,
    EmbeddedResource,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

from korus_mcp.answers.views import View
from korus_mcp.settings import Content
from korus_mcp.tools.asking import AskedForm, put
from korus_mcp.tools.declare import Declared, Reply, ToolContext, tool
from tests.conformance.asking import asks_client, asks_model, asks_person, asks_roots, given
from tests.conformance.samples import picture, sound
from tests.docs.listing import build

STEP_SECONDS: Final = 0.05
"""The pause that the suite wants between two messages of a call."""
NAME: Final = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
}


class Said(View):
    """A text."""

    def text(self) -> str:
        """The text."""
        return self.next


def said(text: str, *blocks: ContentBlock) -> Reply[Said]:
    """A reply with a text and blocks beside it."""
    return Reply(Said(next=text), blocks=blocks)


def embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    """A text resource within a reply."""
    contents = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=contents)


def fixture(function: Any) -> Declared:
    """Declare a tool of the suite. One that asks may take its time, so it is not only a reader."""
    reads = "elicitation" not in function.__name__ and "input_required" not in function.__name__
    title = function.__name__.removeprefix("test_").replace("_", " ").capitalize()
    return tool(title=title, read_only=reads, destructive=False, idempotent=True)(function)


@fixture
async def test_simple_text() -> Reply[Said]:
    """Answer a text."""
    return said("This is a simple text response for testing.")


@fixture
async def test_image_content() -> Reply[Said]:
    """Answer a picture."""
    return said("A picture.", picture())


@fixture
async def test_audio_content() -> Reply[Said]:
    """Answer a sound."""
    return said("A sound.", sound())


@fixture
async def test_embedded_resource() -> Reply[Said]:
    """Answer a resource."""
    text = "This is an embedded resource content."
    return said("A resource.", embedded("test://embedded-resource", "text/plain", text))


@fixture
async def test_multiple_content_types() -> Reply[Said]:
    """Answer a text, a picture and a resource."""
    data = '{"test":"data","value":123}'
    mixed = embedded("test://mixed-content-resource", "application/json", data)
    return said("Multiple content types test:", picture(), mixed)


@fixture
async def test_error_handling() -> Reply[Said]:
    """Crash."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@fixture
async def test_tool_with_logging(ctx: ToolContext) -> Reply[Said]:
    """Send three log messages of the protocol."""
    for step in ("started", "processing data", "completed"):
        await _logged(ctx, f"Tool execution {step}")
        await anyio.sleep(STEP_SECONDS)
    return said("Three messages were sent.")


@fixture
async def test_logging_tool(ctx: ToolContext) -> Reply[Said]:
    """Send a log message of the protocol to whoever wants them."""
    await _logged(ctx, "Tool execution started")
    return said("A message was sent to whoever wants it.")


@fixture
async def test_tool_with_progress(ctx: ToolContext) -> Reply[Said]:
    """Report progress three times."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"Completed step {done} of 100")
        await anyio.sleep(STEP_SECONDS)
    return said("Progress was reported.")


@fixture
async def test_sampling(
    ctx: ToolContext, prompt: Annotated[str, Field(description="What the model is asked")]
) -> Reply[Said]:
    """Ask the client's model while the call goes on."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    answer = await ctx.session.create_message(
        [message], max_tokens=100, related_request_id=ctx.request_id
    )
    text = answer.content.text if isinstance(answer.content, TextContent) else "no text"
    return said(f"LLM response: {text}")


@fixture
async def test_missing_capability(ctx: ToolContext) -> Reply[Said]:
    """Need the client's model."""
    known = ctx.client_capabilities
    if known is None or known.sampling is None:
        needed: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs sampling.", needed)
    return said("The client has a model.")


class Contact(AskedForm):
    """What `test_elicitation` asks for."""

    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


@fixture
async def test_elicitation(
    ctx: ToolContext, message: Annotated[str, Field(description="What the person is asked")]
) -> Reply[Said]:
    """Ask a person while the call goes on."""
    return await _asked(ctx, message, Contact)


class Defaults(AskedForm):
    """A form with a default of each primitive type."""

    name: str = Field("John Doe", description="User name")
    age: int = Field(30, description="User age")
    score: float = Field(95.5, description="User score")
    status: Literal["active", "inactive", "pending"] = Field("active", description="User status")
    verified: bool = Field(True, description="Verification status")


@fixture
async def test_elicitation_sep1034_defaults(ctx: ToolContext) -> Reply[Said]:
    """Ask a person with a form that has defaults."""
    return await _asked(ctx, "Please review and update the form fields", Defaults)


def _choice(*values: str, **more: Any) -> dict[str, Any]:
    return {"enum": list(values), **more}


def _titled(word: str, **choices: str) -> dict[str, Any]:
    return {word: [{"const": value, "title": title} for value, title in choices.items()]}


class Choices(AskedForm):
    """A form with a choice of each kind."""

    untitledSingle: str = Field(json_schema_extra=_choice("option1", "option2", "option3"))  # noqa: N815 - the suite's
    titledSingle: str = Field(  # noqa: N815 - the suite's
        json_schema_extra=_titled("oneOf", value1="First", value2="Second", value3="Third")
    )
    legacyEnum: str = Field(  # noqa: N815 - the suite's
        json_schema_extra=_choice("opt1", "opt2", "opt3", enumNames=["One", "Two", "Three"])
    )
    untitledMulti: list[str] = Field(  # noqa: N815 - the suite's
        json_schema_extra={"items": {"type": "string", **_choice("option1", "option2", "option3")}}
    )
    titledMulti: list[str] = Field(  # noqa: N815 - the suite's
        json_schema_extra={
            "items": _titled("anyOf", value1="First", value2="Second", value3="Third")
        }
    )


@fixture
async def test_elicitation_sep1330_enums(ctx: ToolContext) -> Reply[Said]:
    """Ask a person with a form that has choices."""
    return await _asked(ctx, "Please select options from the enum fields", Choices)


@fixture
async def test_streaming_elicitation(ctx: ToolContext) -> Reply[Said]:
    """Ask a person by ending the call, after some progress."""
    await ctx.report_progress(1, 2)
    return _greeted(ctx)


@fixture
async def test_input_required_result_elicitation(ctx: ToolContext) -> Reply[Said]:
    """Ask a person by ending the call."""
    return _greeted(ctx)


@fixture
async def test_input_required_result_sampling(ctx: ToolContext) -> Reply[Said]:
    """Ask the client's model by ending the call."""
    answer = given(ctx, "capital_question")
    if answer is None:
        asks_client({"capital_question": asks_model("What is the capital of France?")})
    return said(f"The model said: {answer}")


@fixture
async def test_input_required_result_list_roots(ctx: ToolContext) -> Reply[Said]:
    """Ask for the client's roots by ending the call."""
    roots = given(ctx, "client_roots")
    if roots is None:
        asks_client({"client_roots": asks_roots()})
    return said(f"The roots are: {roots}")


@fixture
async def test_input_required_result_request_state(ctx: ToolContext) -> Reply[Said]:
    """Ask a person, and check what the client passes back of the question."""
    return _confirmed(ctx)


@fixture
async def test_input_required_result_tampered_state(ctx: ToolContext) -> Reply[Said]:
    """The same."""
    return _confirmed(ctx)


@fixture
async def test_input_required_result_multiple_inputs(ctx: ToolContext) -> Reply[Said]:
    """Ask a person, a model and for roots at once."""
    answers = [given(ctx, key) for key in ("user_name", "greeting", "client_roots")]
    if None in answers or ctx.request_state != "several":
        questions = {
            "user_name": asks_person("What is your name?", NAME),
            "greeting": asks_model("Generate a greeting"),
            "client_roots": asks_roots(),
        }
        asks_client(questions, "several")
    return said("All was answered.")


@fixture
async def test_input_required_result_multi_round(ctx: ToolContext) -> Reply[Said]:
    """Ask a person twice."""
    if ctx.request_state == "step 2" and given(ctx, "step2") is not None:
        return said("Both steps were answered.")
    if ctx.request_state == "step 1" and given(ctx, "step1") is not None:
        color = {**NAME, "properties": {"color": {"type": "string"}}, "required": ["color"]}
        asks_client({"step2": asks_person("Step 2: What is your favorite color?", color)}, "step 2")
    question = asks_person("Step 1: What is your name?", NAME)
    return asks_client({"step1": question}, "step 1")


@fixture
async def test_input_required_result_capabilities(ctx: ToolContext) -> Reply[Said]:
    """Ask only what the client says that it can answer."""
    known = ctx.client_capabilities
    questions = {}
    if known is not None and known.sampling is not None:
        questions["model"] = asks_model("Generate a greeting")
    if known is not None and known.elicitation is not None:
        questions["person"] = asks_person("What is your name?", NAME)
    if questions and not ctx.input_responses:
        asks_client(questions)
    return said("Nothing was asked, or all was answered.")


def _greeted(ctx: ToolContext) -> Reply[Said]:
    name = given(ctx, "user_name")
    if name is None:
        asks_client({"user_name": asks_person("What is your name?", NAME)})
    return said(f"Hello, {name}!")


def _confirmed(ctx: ToolContext) -> Reply[Said]:
    form = {**NAME, "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    if given(ctx, "confirm") is None or ctx.request_state != "to confirm":
        asks_client({"confirm": asks_person("Please confirm", form)}, "to confirm")
    return said("state-ok")


async def _asked(ctx: ToolContext, message: str, form: type[AskedForm]) -> Reply[Said]:
    answer = await put(ctx, "form", Elicit(message, form))
    if isinstance(answer, AcceptedElicitation):
        return said(f"User response: action=accept, content={answer.data.model_dump_json()}")
    return said("User response: no answer")


async def _logged(ctx: ToolContext, text: str) -> None:
    await ctx.session.send_log_message("info", text, related_request_id=ctx.request_id)


def fixtures() -> list[Tool]:
    """All of them, as the SDK runs them."""
    found = [each for each in globals().values() if isinstance(each, Declared)]
    return [build(each, Content.BOTH) for each in found]
