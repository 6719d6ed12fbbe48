"""What every part of the REST interface shares: who asks, what comes in, how errors go out, and what
OpenAPI says.

    Api("documents")  ── api.get("/databases/<database>/…", "Summary", …)  ── blueprint (found by create_app)
                      └─ operations, from which openapi.py makes the description

A request says who it is by HTTP Basic, a bearer token or the cookie of a page; a cookie counts only when no
`Authorization` is sent. An id may hold anything: `/` in it is sent as `%2F`, which is kept apart from the
slashes of the path (`SLASH`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, g, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from app import jsonio
from app.access import ANONYMOUS, Database, Identity
from app.errors import BadRequest, DavenportError, Forbidden, Message, NotFound, TooLarge, Unauthorized
from app.web import context, i18n

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/api/v1"
SLASH = "\U0010ffff"  # stands for %2F in a path; no character of a text
MOST_ROWS = 1000
SAFE = {"GET", "HEAD", "OPTIONS"}
HTTP_NAMES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "document_too_large",
    415: "bad_content_type",
    429: "too_many_requests",
}

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """One route as OpenAPI describes it."""

    method: str
    rule: str
    endpoint: str
    summary: str
    tag: str
    query: Mapping[str, str] = field(default_factory=dict)  # name -> description
    body: str | None = None  # name of a schema, or "binary"
    answer: str | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    open: bool = False  # answers without sign-in


class DocumentId(BaseConverter):
    """An id or attachment name in a path: anything, slashes too."""

    regex = ".+?"
    part_isolating = False
    weight = 200

    def to_python(self, value: str) -> str:
        return value.replace(SLASH, "/")

    def to_url(self, value: str) -> str:
        return str(super().to_url(value)).replace("/", "%2F")


class KeepSlashes:
    """Keeps `%2F` in paths of the REST interface apart from `/`, which WSGI does not."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        raw = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
        path = urlsplit(raw).path if "://" in raw[:10] else raw.split("?", 1)[0]
        if "%2f" in path.lower() and environ.get("PATH_INFO", "").startswith(PREFIX + "/"):
            environ["PATH_INFO"] = _with_marks(environ["PATH_INFO"], path)
        return self._app(environ, start)


def _with_marks(decoded: str, raw: str) -> str:
    """The decoded path with `SLASH` for each slash that was `%2F` in the raw one, told by counting."""
    mark = SLASH.encode().decode("latin-1")
    kinds = []
    position = 0
    while position < len(raw):
        if raw[position] == "/":
            kinds.append("/")
        elif raw[position : position + 3].lower() == "%2f":
            kinds.append(mark)
            position += 2
        position += 1
    pieces = decoded.split("/")
    kinds = kinds[len(kinds) - (len(pieces) - 1) :]
    return pieces[0] + "".join(kind + piece for kind, piece in zip(kinds, pieces[1:], strict=False))


class Api:
    """A part of the REST interface: a blueprint and the description of its routes."""

    operations: list[Operation] = []  # noqa: RUF012  (all parts together, for openapi.py)

    def __init__(self, name: str) -> None:
        self.name = name
        self.blueprint = Blueprint(f"api_{name}", __name__, url_prefix=PREFIX)
        self.blueprint.record_once(_prepare)
        self.blueprint.before_request(_authenticate)
        self.blueprint.register_error_handler(DavenportError, refused)
        self.blueprint.register_error_handler(HTTPException, _http_refused)

    def route(self, method: str, rule: str, summary: str, **about: Any) -> Callable[[Handler], Handler]:
        """Register a route with what OpenAPI says about it (see `Operation`)."""

        def register(handler: Handler) -> Handler:
            Api.operations.append(
                Operation(
                    method,
                    PREFIX + rule,
                    f"{self.blueprint.name}.{handler.__name__}",
                    summary,
                    self.name,
                    **about,
                )
            )
            self.blueprint.add_url_rule(rule, view_func=handler, methods=[method])
            return handler

        return register

    def get(self, rule: str, summary: str, **about: Any) -> Callable[[Handler], Handler]:
        return self.route("GET", rule, summary, **about)

    def post(self, rule: str, summary: str, **about: Any) -> Callable[[Handler], Handler]:
        return self.route("POST", rule, summary, **about)

    def put(self, rule: str, summary: str, **about: Any) -> Callable[[Handler], Handler]:
        return self.route("PUT", rule, summary, **about)

    def patch(self, rule: str, summary: str, **about: Any) -> Callable[[Handler], Handler]:
        return self.route("PATCH", rule, summary, **about)

    def delete(self, rule: str, summary: str, **about: Any) -> Callable[[Handler], Handler]:
        return self.route("DELETE", rule, summary, **about)


def _prepare(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    if "docid" not in app.url_map.converters:
        app.url_map.converters["docid"] = DocumentId
        app.wsgi_app = KeepSlashes(app.wsgi_app)  # type: ignore[method-assign,assignment]


# who asks


def _authenticate() -> None:
    """Find out who asks; limit the body; refuse what a token's scope or a foreign page may not do."""
    large = "/attachments/" in request.path or request.path.endswith("/imports")
    settings = context.node().settings
    request.max_content_length = settings.max_attachment if large else settings.max_document
    g.pop("opened", None)
    g.pop("readable", None)
    g.identity = _identity()
    g.signed_in = not g.identity.is_anonymous
    language = g.identity.person.language
    if language and "Accept-Language" not in request.headers:
        g.language = language
    if request.method not in SAFE and not g.identity.scope.write:
        raise Forbidden("This token may only read.")
    plain = request.mimetype != "application/json" and (request.content_length or request.mimetype)
    if g.identity.via == "session" and request.method not in SAFE and plain and not large:
        raise Forbidden("Send this as application/json.")


def _identity() -> Identity:
    header = request.headers.get("Authorization")
    if header is None:
        found: Identity = g.get("identity", ANONYMOUS)
        return found
    secrets = context.node().secrets
    address = request.remote_addr or ""
    sent = request.authorization
    if sent is not None and sent.type == "basic":
        person = secrets.verify(sent.username or "", sent.password or "", address=address)
        return Identity(person, via="basic")
    if sent is not None and sent.type == "bearer" and sent.token:
        known = secrets.identify(sent.token)
        if known is None:
            raise Unauthorized("This token is unknown or has expired.")
        return known
    raise Unauthorized("Send a name and password (Basic) or a token (Bearer).")


def identity() -> Identity:
    """Who asks."""
    found: Identity = g.identity
    return found


def signed_in() -> Identity:
    """Who asks. Unauthorized when nobody we know does."""
    if identity().is_anonymous:
        raise Unauthorized("Sign in first: a name and password, or a token.")
    return identity()


def open_database(name: str) -> Database:
    """A database for the one who asks. NotFound."""
    return context.open_database(name)


# what comes in


def body() -> dict[str, Any]:
    """The JSON object that was sent. BadRequest, TooLarge."""
    return jsonio.loads_object(raw_body(), limit=context.node().settings.max_document)


def raw_body() -> bytes:
    """The bytes that were sent. TooLarge, before all of them are read."""
    length = request.content_length
    if length is not None and request.max_content_length is not None and length > request.max_content_length:
        raise _too_large()
    try:
        return request.get_data(cache=False)
    except HTTPException as problem:
        if problem.code == 413:
            raise _too_large() from problem
        raise BadRequest(problem.description or "The body cannot be read.") from problem


def _too_large() -> TooLarge:
    return TooLarge(Message("This is larger than %(count)s MB.", count=(request.max_content_length or 0) // 1_000_000))


def text(name: str, default: str | None = None) -> str | None:
    """A parameter of the query; an empty one counts as absent."""
    return request.args.get(name) or default


def whole(name: str, default: int, *, least: int = 0, most: int = MOST_ROWS) -> int:
    """A number of the query, within limits. BadRequest."""
    value = request.args.get(name)
    if not value:
        return default
    if not value.lstrip("-").isascii() or not value.lstrip("-").isdigit() or len(value) > 18:
        raise BadRequest(
            Message("%(name)s is a whole number.", name=name), fields={name: Message("This is a whole number.")}
        )
    number = int(value)
    if number < least:
        raise BadRequest(
            Message("%(name)s is at least %(least)s.", name=name, least=least),
            fields={name: Message("This is at least %(least)s.", least=least)},
        )
    return min(number, most)


def yes(name: str, default: bool = False) -> bool:
    """A truth value of the query. BadRequest."""
    value = request.args.get(name, "").lower()
    if value in ("", "true", "1", "yes", "false", "0", "no"):
        return default if not value else value in ("true", "1", "yes")
    raise BadRequest(Message("%(name)s is true or false.", name=name), fields={name: Message("This is true or false.")})


def revision() -> str | None:
    """The revision that a change names: `?rev=` or `If-Match`."""
    named = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    return text("rev") or (named if named and named != "*" else None)


def checked_id(id: str) -> str:
    """An id as documents may have it. BadRequest for NUL, endless ones and those that begin with `_`."""
    if "\0" in id or len(id) > 1000:
        raise BadRequest("A document id holds no NUL and at most 1,000 characters.")
    if id.startswith("_"):
        raise BadRequest("Only the store's own documents begin with an underscore.")
    return id


# what goes out


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    """JSON."""
    found = Response(jsonio.dumps(value), status, content_type="application/json")
    for name, content in headers.items():
        found.headers[name.replace("_", "-")] = content
    return found


def label(value: Any) -> str:
    """A design's label in the language of the request."""
    return context.label(value)


def sentence(text: str) -> str:
    """A sentence for the one who asks: English, unless `Accept-Language` asks for another language we have."""
    wanted = request.accept_languages.best_match(["en", "zh"], default="en")
    return i18n.say(text, wanted) if text and wanted != "en" else str(text)


def refused(problem: DavenportError) -> Response:
    """`{error, reason, fields?}` with CouchDB's name. Nobody signed in is asked to sign in instead of a
    404."""
    status, error, reason = problem.status, problem.error, problem.reason
    if status in (403, 404) and g.get("identity", ANONYMOUS).is_anonymous:
        status, error, reason = 401, "unauthorized", "Sign in first: a name and password, or a token."
    told: dict[str, Any] = {"error": error, "reason": sentence(reason)}
    if problem.fields and status == problem.status:
        told["fields"] = {name: sentence(text) for name, text in problem.fields.items()}
    found = answer(told, status)
    if status == 401 and "Sec-Fetch-Site" not in request.headers:
        found.headers["WWW-Authenticate"] = 'Basic realm="Davenport", charset="UTF-8"'
    return found


def _http_refused(problem: HTTPException) -> Response:
    status = problem.code or 500
    reason = problem.description or problem.name
    return answer({"error": HTTP_NAMES.get(status, "error"), "reason": reason}, status)


def missing() -> NoReturn:
    """NotFound, in the one sentence there is for it."""
    raise NotFound("missing")
