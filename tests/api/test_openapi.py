"""The description matches the routes, and every error has the one shape."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask

from app.web.api.schemas import SCHEMAS


def test_description_matches_the_routes(app: Flask, call: Any) -> None:
    told = call(None, "GET", "/openapi.json").json
    described = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    real = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert told["openapi"].startswith("3.1")
    assert described == real


def test_every_named_shape_exists(call: Any) -> None:
    told = call(None, "GET", "/openapi.json")
    named = set(re.findall(r'"#/components/schemas/(\w+)"', told.get_data(as_text=True)))
    assert named <= set(SCHEMAS)


def test_path_parameters_are_described(call: Any) -> None:
    for path, methods in call(None, "GET", "/openapi.json").json["paths"].items():
        for operation in methods.values():
            inside = {entry["name"] for entry in operation["parameters"] if entry["in"] == "path"}
            assert inside == set(re.findall(r"{(\w+)}", path))


def test_every_error_has_the_one_shape(app: Flask, call: Any) -> None:
    asked = [
        ("north", "GET", "/nowhere", 404),
        ("north", "POST", "/databases", 405),
        ("north", "GET", "/databases/nowhere", 404),
        ("north", "GET", "/databases/customers/views/nowhere", 404),
        ("north", "GET", "/databases/customers/views/customers?limit=x", 400),
        ("north", "GET", "/databases/customers/views/customers?sort=nowhere", 400),
        ("north", "GET", "/databases/customers/views/customers?after=rubbish", 400),
        ("north", "GET", "/databases/customers/views/customers?filter={", 400),
        ("north", "GET", "/search?q=", 400),
        ("north", "GET", "/jobs/nowhere", 404),
        ("north", "GET", "/webhooks/nowhere", 404),
        ("north", "DELETE", "/tokens/nowhere", 404),
        ("north", "GET", "/databases/customers/views/customers/export?format=pdf", 400),
        ("outsider", "GET", "/databases/customers", 404),
        (None, "GET", "/databases/customers", 401),
        (None, "GET", "/tokens", 401),
        ("nobody", "GET", "/databases", 401),
    ]
    for person, method, path, status in asked:
        answer = call(person, method, path)
        assert answer.status_code == status, (path, answer.data)
        assert set(answer.json) <= {"error", "reason", "fields"}, path
        assert answer.json["error"], path
        assert answer.json["reason"], path


def test_nobody_is_asked_to_sign_in(call: Any) -> None:
    answer = call(None, "GET", "/databases/customers/views")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
