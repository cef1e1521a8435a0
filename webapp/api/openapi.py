"""The OpenAPI document: what handlers say, with examples and the errors that each address may answer with."""

from http import HTTPStatus
from typing import Any

from litestar import Litestar, Request
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.serialization import encode_json

from webapp.api.examples import EXAMPLES, PROBLEMS, TRANSCRIPT
from webapp.api.idempotency import REPLAYED
from webapp.core.exports import FORMATS

_PROBLEM = "application/problem+json"
_CONFLICTS = {"createUpload", "createJob", "cancelJob", "retryJob", "readTranscript"}
_ABOUT = """
Send recordings, get text.

1. `POST /api/v1/uploads` says where and how to send the file.
2. Send it there: a form with the `fields` and the file last, or a `PUT` with the `headers`.
3. `POST /api/v1/jobs` with the upload's id.
4. Follow `/api/v1/jobs/{id}/events`, or ask for the job from time to time.
5. `GET /api/v1/jobs/{id}/transcript` in the format of your choice.

Every request carries an API token: `Authorization: Bearer <token>`. The account page makes tokens.
Errors are `application/problem+json` with a stable `code`.
"""


class DocumentPlugin(JsonRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return encode_json(document(request.app))


def openapi_config() -> OpenAPIConfig:
    scheme = SecurityScheme(type="http", scheme="bearer", description="An API token")
    return OpenAPIConfig(
        title="Audiotext",
        version="1",
        description=_ABOUT,
        path="/openapi",
        render_plugins=[DocumentPlugin(path="/openapi.json")],
        components=Components(security_schemes={"bearer": scheme}),
        use_handler_docstrings=True,
    )


def document(app: Litestar) -> dict[str, Any]:
    found: dict[str, Any] = app.openapi_schema.to_schema()
    found["components"]["schemas"]["Problem"] = _problem_schema()
    for path, item in found["paths"].items():
        for operation in item.values():
            _free_from_null(operation)
            _add_errors(path, operation)
            _add_examples(operation)
    _describe_texts(found["paths"])
    _describe_second_answers(found["paths"])
    _describe_replays(found["paths"])
    return found


def _add_errors(path: str, operation: dict[str, Any]) -> None:
    """Which can happen follows from what an address takes."""
    responses = operation["responses"]
    responses.pop("400", None)  # the framework's own form of it is never sent
    name, takes_body = operation["operationId"], "requestBody" in operation
    possible = {
        401: bool(operation.get("security")),
        404: "{" in path or name == "createJob",
        409: name in _CONFLICTS,
        415: name == "createUpload",
        422: takes_body or bool(operation.get("parameters")),
        503: bool(operation.get("security")),
        **dict.fromkeys((400, 413), takes_body),
    }
    for status in sorted(status for status, can in possible.items() if can):
        responses.setdefault(str(status), _problem(status))


def _problem(status: int) -> dict[str, Any]:
    code, detail = PROBLEMS[status]
    title = HTTPStatus(status).phrase
    example = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": title, "content": {_PROBLEM: content}}


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "title": "Problem",
        "type": "object",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            **dict.fromkeys(("type", "title", "detail", "code", "field", "request_id"), text),
            "status": {"type": "integer"},
        },
    }


def _free_from_null(operation: dict[str, Any]) -> None:
    """A body that may be left out is not said to be null, but not to be required."""
    body = operation.get("requestBody", {})
    for content in body.get("content", {}).values():
        shapes = [each for each in content["schema"].get("oneOf", []) if each != {"type": "null"}]
        if len(shapes) == 1:
            content["schema"], body["required"] = shapes[0], False


def _add_examples(operation: dict[str, Any]) -> None:
    parts = [*operation["responses"].values(), operation.get("requestBody", {})]
    for content in (content for part in parts for content in part.get("content", {}).values()):
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        if name in EXAMPLES:
            content["example"] = EXAMPLES[name]


def _describe_texts(paths: dict[str, Any]) -> None:
    """What no type says: the formats of a transcript, and the stream of events."""
    types = {each.media_type.partition(";")[0] for each in FORMATS.values()}
    transcript: dict[str, Any] = {kind: {"schema": {"type": "string"}} for kind in sorted(types)}
    transcript["application/json"] = {"schema": {"type": "object"}, "example": TRANSCRIPT}
    events = {"text/event-stream": {"schema": {"type": "string"}, "example": "event: job\ndata: {}\n\n"}}
    at = "/api/v1/jobs/{job_id}"
    paths[f"{at}/transcript"]["get"]["responses"]["200"]["content"] = transcript
    paths[f"{at}/events"]["get"]["responses"]["200"]["content"] = events


def _describe_second_answers(paths: dict[str, Any]) -> None:
    """Where one shape comes with two statuses."""
    made = paths["/api/v1/jobs"]["post"]["responses"]
    made["200"] = {**made["201"], "description": "The upload had become this job before"}
    ready = paths["/api/v1/health/ready"]["get"]["responses"]
    ready["503"] = {**ready["200"], "description": "A part is away"}


def _describe_replays(paths: dict[str, Any]) -> None:
    """Where a request may carry a key."""
    shown = {"description": "The answer was given before", "schema": {"type": "string", "const": "true"}}
    for path in ("/api/v1/uploads", "/api/v1/jobs"):
        responses = paths[path]["post"]["responses"]
        for status in {"200", "201"} & responses.keys():
            responses[status]["headers"] = {REPLAYED: shown}
