"""Our server with the tools, resources and prompts that the conformance suite calls by name.

    python -m tests.mcp_server.fixtures 127.0.0.1:0

What they answer is laid down by the scenarios of @modelcontextprotocol/conformance. They show that
our server passes on whatever a tool may answer; nothing of them is in the product.
"""

import base64
import json
import sys
from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CreateMessageRequest,
    ElicitRequest,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)

from mcp_server.http import serve
from mcp_server.server import Server, build

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
WAV = (
    b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
    b"\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"
)


# Tools that answer at once


def test_simple_text() -> str:
    return "This is a simple text response for testing."


def test_image_content() -> ImageContent:
    return ImageContent(data=base64.b64encode(PNG).decode(), mime_type="image/png")


def test_audio_content() -> AudioContent:
    return AudioContent(data=base64.b64encode(WAV).decode(), mime_type="audio/wav")


def test_embedded_resource() -> EmbeddedResource:
    return _embedded("test://embedded-resource", "This is an embedded resource content.")


def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    data = json.dumps({"test": "data", "value": 123})
    return [
        TextContent(text="Multiple content types test:"),
        test_image_content(),
        _embedded("test://mixed-content-resource", data, "application/json"),
    ]


def test_error_handling() -> str:
    raise ValueError("This tool intentionally returns an error for testing")


async def test_tool_with_logging(context: Context) -> str:
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message(
            level="info", data=said, related_request_id=context.request_id
        )
    return "logged"


async def test_tool_with_progress(context: Context) -> str:
    for progress in (0, 50, 100):
        await context.report_progress(progress, 100)
    return "done"


# Tools that ask the client while they run, until 2025-11-25


async def test_sampling(prompt: str, context: Context) -> str:
    answer = await context.session.create_message(messages=[_said(prompt)], max_tokens=100)
    return f"LLM response: {answer.content.text}"


async def test_elicitation(message: str, context: Context) -> str:
    return await _elicited(context, message, username={"type": "string"}, email={"type": "string"})


async def test_elicitation_sep1034_defaults(context: Context) -> str:
    return await _elicited(
        context,
        "Check these",
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        verified={"type": "boolean", "default": True},
    )


async def test_elicitation_sep1330_enums(context: Context) -> str:
    plain = ["option1", "option2", "option3"]
    titled = [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)]
    return await _elicited(
        context,
        "Choose",
        untitledSingle={"type": "string", "enum": plain},
        titledSingle={"type": "string", "oneOf": titled},
        legacyEnum={
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        untitledMulti={"type": "array", "items": {"type": "string", "enum": plain}},
        titledMulti={"type": "array", "items": {"anyOf": titled}},
    )


# Tools that answer with what they need, from 2026-07-28


def test_input_required_result_elicitation(context: Context) -> str | InputRequiredResult:
    answer = _answer(context, "user_name")
    if answer is None:
        return InputRequiredResult(
            input_requests={"user_name": _form("What is your name?", "name")}
        )
    return f"Hello, {answer.content['name']}!"


def test_input_required_result_sampling(context: Context) -> str | InputRequiredResult:
    answer = _answer(context, "capital_question")
    if answer is None:
        asked = _sample("What is the capital of France?")
        return InputRequiredResult(input_requests={"capital_question": asked})
    return str(answer.content.text)


def test_input_required_result_list_roots(context: Context) -> str | InputRequiredResult:
    answer = _answer(context, "client_roots")
    if answer is None:
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
    return ", ".join(str(root.uri) for root in answer.roots)


def test_input_required_result_request_state(context: Context) -> str | InputRequiredResult:
    if context.request_state is None or _answer(context, "confirm") is None:
        asked = {"confirm": _form("Please confirm", "ok", "boolean")}
        return InputRequiredResult(input_requests=asked, request_state="confirming")
    assert context.request_state == "confirming"
    return "state-ok"


def test_input_required_result_tampered_state(context: Context) -> str | InputRequiredResult:
    return test_input_required_result_request_state(context)


def test_input_required_result_multiple_inputs(context: Context) -> str | InputRequiredResult:
    asked = {
        "user_name": _form("What is your name?", "name"),
        "greeting": _sample("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    }
    if any(_answer(context, key) is None for key in asked):
        return InputRequiredResult(input_requests=asked, request_state="all three")
    return "all three are here"


def test_input_required_result_multi_round(context: Context) -> str | InputRequiredResult:
    if context.request_state is None:
        asked = {"step1": _form("Step 1: What is your name?", "name")}
        return InputRequiredResult(input_requests=asked, request_state="first")
    if context.request_state == "first":
        asked = {"step2": _form("Step 2: What is your favorite color?", "color")}
        return InputRequiredResult(input_requests=asked, request_state="second")
    return "both steps are done"


def test_input_required_result_capabilities(context: Context) -> str | InputRequiredResult:
    has = context.client_capabilities
    asked: dict[str, Any] = {}
    if has and has.elicitation is not None:
        asked["name"] = _form("What is your name?", "name")
    if has and has.sampling is not None:
        asked["greeting"] = _sample("Generate a greeting")
    return InputRequiredResult(input_requests=asked) if asked else "nothing can be asked"


def test_missing_capability(context: Context) -> str:
    has = context.client_capabilities
    if has is None or has.sampling is None:
        needed = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs sampling", needed)
    return "sampling is there"


def test_streaming_elicitation() -> InputRequiredResult:
    return InputRequiredResult(input_requests={"name": _form("What is your name?", "name")})


# Resources and prompts


def static_text() -> str:
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    return PNG


def template(id: str) -> str:
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def test_simple_prompt() -> str:
    return "This is a simple prompt for testing."


def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803
    embedded = _embedded(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(embedded), UserMessage("Please process the embedded resource above.")]


def test_prompt_with_image() -> list[UserMessage]:
    return [UserMessage(test_image_content()), UserMessage("Please analyze the image above.")]


def test_input_required_result_prompt(context: Context) -> str | InputRequiredResult:
    answer = _answer(context, "user_context")
    if answer is None:
        asked = {"user_context": _form("What context should the prompt use?", "context")}
        return InputRequiredResult(input_requests=asked)
    return f"Work with {answer.content['context']}."


TOOLS = (
    test_simple_text, test_image_content, test_audio_content, test_embedded_resource,
    test_multiple_content_types, test_error_handling, test_tool_with_logging,
    test_tool_with_progress, test_sampling, test_elicitation, test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums, test_input_required_result_elicitation,
    test_input_required_result_sampling, test_input_required_result_list_roots,
    test_input_required_result_request_state, test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs, test_input_required_result_multi_round,
    test_input_required_result_capabilities, test_missing_capability, test_streaming_elicitation,
)  # fmt: skip
PROMPTS = (
    test_simple_prompt, test_prompt_with_arguments, test_prompt_with_embedded_resource,
    test_prompt_with_image, test_input_required_result_prompt,
)  # fmt: skip


_CALLED_BY_NAME = "What the scenario of its name asks for."


def with_fixtures() -> Server:
    server = build()
    for tool in TOOLS:
        server.add_tool(tool, description=_CALLED_BY_NAME, structured_output=False)
    for prompt in PROMPTS:
        server.prompt(description=_CALLED_BY_NAME)(prompt)
    server.resource("test://static-text", mime_type="text/plain")(static_text)
    server.resource("test://static-binary", mime_type="image/png")(static_binary)
    server.resource("test://template/{id}/data", mime_type="application/json")(template)
    for method, params in (
        ("logging/setLevel", SetLevelRequestParams),
        ("resources/subscribe", SubscribeRequestParams),
        ("resources/unsubscribe", UnsubscribeRequestParams),
    ):
        server._lowlevel_server.add_request_handler(method, params, _nothing)
    return server


async def _nothing(_: object, __: object) -> EmptyResult:
    return EmptyResult()


def _embedded(uri: str, text: str, kind: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, text=text, mime_type=kind))


def _said(text: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=TextContent(text=text))


async def _elicited(context: Context, message: str, **fields: Mapping[str, Any]) -> str:
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    answer = await context.session.elicit_form(
        message=message, requested_schema=schema, related_request_id=context.request_id
    )
    return f"User response: action={answer.action}, content={json.dumps(answer.content)}"


def _form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params={"message": message, "requestedSchema": schema})


def _sample(text: str) -> CreateMessageRequest:
    return CreateMessageRequest(params={"messages": [_said(text)], "maxTokens": 100})


def _answer(context: Context, key: str) -> Any:
    return (context.input_responses or {}).get(key)


if __name__ == "__main__":
    serve(with_fixtures(), sys.argv[1])
