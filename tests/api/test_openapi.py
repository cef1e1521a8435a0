"""The API's description is valid and true: examples fit, hostile input gets only answers that it names."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.web import Site, bearer
from webapp.api.openapi import document
from webapp.app import app

DOCUMENT = document(app)
METHODS = {"get", "post", "delete", "put", "patch"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Without a worker the server is not ready, and says so.
API = schemathesis.openapi.from_dict(DOCUMENT).exclude(operation_id="readReady")


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS & item.keys():
            yield f"{method} {path}", item[method]


def _contents() -> Iterator[Any]:
    for name, operation in _operations():
        parts = {**operation["responses"], "body": operation.get("requestBody", {})}
        for part, described in parts.items():
            for kind, content in described.get("content", {}).items():
                yield pytest.param(content, id=f"{name} {part} {kind}")


def test_the_document_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    names = [operation["operationId"] for _, operation in _operations()]
    assert len(names) == len(set(names)) == 12
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


@pytest.mark.parametrize("content", list(_contents()))
def test_every_example_fits_its_schema(content: dict[str, Any]) -> None:
    if content["schema"] == {"type": "string"}:
        return
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(content["example"])


def test_pages_are_not_described() -> None:
    assert all(path.startswith("/api/v1/") for path in DOCUMENT["paths"])


@API.parametrize()
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_hostile_input_gets_only_described_answers(
    case: schemathesis.Case[Any], site: Site, token: str
) -> None:
    case.call_and_validate(base_url=site.url, headers=bearer(token), checks=CHECKS)
