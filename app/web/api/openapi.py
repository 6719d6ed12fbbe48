"""The description of the REST interface, OpenAPI 3.1, made from the routes themselves."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from flask import Response

from app.web.api.base import PREFIX, Api, Operation, answer
from app.web.api.schemas import SCHEMAS, named

api = Api("openapi")
blueprint = api.blueprint

_ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")
ARGUMENTS = {
    "database": "Name of a database",
    "id": "Id; `/` in it is sent as %2F",
    "name": "Name of the attachment",
    "view": "Name of a view",
    "action": "Name of an action",
    "n": "Number of a delivery",
}


@api.get("/openapi.json", "This description", answer="OpenApi", open=True)
def openapi() -> Response:
    """OpenAPI 3.1."""
    return answer(description())


def description() -> dict[str, Any]:
    """The whole interface."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in Api.operations:
        path = _ARGUMENT.sub(r"{\2}", operation.rule.removeprefix(PREFIX))
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Davenport",
            "version": "1",
            "description": "Documents, views, actions. What you may not read answers 404, as if it did "
            "not exist. Every error is {error, reason, fields?}.",
        },
        "servers": [{"url": PREFIX}],
        "security": [{"basic": []}, {"bearer": []}, {"cookie": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "davenport"},
            },
            "responses": {
                "Error": {
                    "description": "Refused",
                    "content": {"application/json": {"schema": named("Error")}},
                }
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.endpoint.removeprefix("api_").replace(".", "_"),
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_path_parameters(operation.rule), *_query_parameters(operation)],
        "responses": _responses(operation),
    }
    if operation.body:
        told["requestBody"] = {"required": True, "content": _content(operation.body)}
    if operation.open:
        told["security"] = [{}, {"basic": []}, {"bearer": []}, {"cookie": []}]
    return told


def _path_parameters(rule: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": ARGUMENTS.get(name, name),
            "schema": {"type": "integer" if kind == "int" else "string"},
        }
        for kind, name in _ARGUMENT.findall(rule)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in operation.query.items()
    ]


def _responses(operation: Operation) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer:
        good["content"] = _content(operation.answer)
    refused = {str(status): {"$ref": "#/components/responses/Error"} for status in operation.errors}
    return {str(operation.status): good, **refused, "default": {"$ref": "#/components/responses/Error"}}


def _content(name: str) -> dict[str, Any]:
    if name == "binary":
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": named(name)}}
