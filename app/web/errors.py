"""Errors as people and programs read them: a page with a sentence and a way on, a toast for a part of a page,
or JSON.

DavenportError is translated here once for pages. The REST interface answers `{error, reason, fields?}`.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.errors import DavenportError, Unauthorized
from app.web import context, i18n, security

log = logging.getLogger("davenport.web")

NAMES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "document_too_large",
    415: "bad_content_type",
    429: "too_many_requests",
    500: "internal_error",
    503: "service_unavailable",
}


def words(status: int) -> tuple[str, str, str]:
    """Title, what to do, and icon for a status."""
    if status == 403:
        return _("You may not do this"), _("Ask the owner of the document or your administrator."), "lock"
    if status in (404, 405):
        return (
            _("Nothing here for you"),
            _("It was moved or deleted, or it is not meant for you. Both look the same on purpose."),
            "signpost-split",
        )
    if status == 409:
        return _("Somebody was quicker"), _("Load the page again and repeat your change."), "arrow-left-right"
    if status == 413:
        return _("This is too large"), _("Send a smaller file or split it."), "file-earmark-arrow-up"
    if status == 429:
        return _("A little slower, please"), _("Wait a minute and try again."), "hourglass-split"
    if status == 503:
        return _("Busy for a moment"), _("Nothing was changed. Try again in a few seconds."), "cone-striped"
    if status == 507:
        return _("The disk is full"), _("Nothing was changed. Tell your administrator."), "device-hdd"
    if status < 500:
        return _("That did not work"), _("Go back, mend it and try again."), "exclamation-circle"
    return (
        _("Something broke on our side"),
        _("Nothing you did. It was written to the log; your administrator can look there."),
        "bug",
    )


def answer(status: int, reason: str, fields: dict[str, str] | None = None) -> Response:
    """An error in the shape the asker understands."""
    wants_json = request.accept_mimetypes.best == "application/json"
    if security.is_program() or wants_json:
        body: dict[str, Any] = {"error": NAMES.get(status, "error"), "reason": reason}
        if fields:
            body["fields"] = fields
        return make_response(jsonify(body), status)
    if context.from_htmx():
        return Response(reason, status, {"Content-Type": "text/plain; charset=utf-8"})
    g.setdefault("language", "en")
    title, advice, icon = words(status)
    page = render_template(
        "errors/error.html",
        status=status,
        heading=title,
        reason=reason,
        advice=advice,
        error_icon=icon,
        fields=fields,
    )
    return make_response(page, status)


def _known(problem: DavenportError) -> Any:
    if isinstance(problem, Unauthorized) and not security.is_program() and request.method == "GET":
        return context.ask_to_sign_in()
    if problem.status == 404:
        return answer(404, _("There is no such document or page."))
    fields = {name: i18n.say(text) for name, text in problem.fields.items()}
    return answer(problem.status, i18n.say(problem.reason), fields)


def _forged(problem: CSRFError) -> Any:
    return answer(400, _("This page is too old to send. Load it again; copy what you typed first."))


def _http(problem: HTTPException) -> Any:
    if problem.response is not None:
        return problem.response
    status = problem.code or 500
    reason = _("There is no such document or page.") if status == 404 else problem.description or problem.name
    return answer(status, reason)


def _unforeseen(problem: Exception) -> Any:
    log.exception("%s %s", request.method, request.path, exc_info=problem)
    return answer(500, _("This page could not be made."))


def install(app: Flask) -> None:
    """Error answers for `app`."""
    app.register_error_handler(DavenportError, _known)
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(HTTPException, _http)
    if not app.config.get("PROPAGATE_ERRORS"):
        app.register_error_handler(Exception, _unforeseen)
