"""The one authorization of the gateway, and what its endpoints share: who asks, what comes in, how errors go out.

Every endpoint gets at documents through `replica(database)`: opened for the one who asks, refused (403) where the
database does not grant `replicate_or_copy`. A request says who it is by HTTP Basic (name and password, or name and
token), a bearer token, or the cookie of a page. Nobody else is answered, but for the welcome.

An id may hold anything: `/` in it is sent as `%2F`, which `KeepSlashes` keeps apart from the slashes of the path.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Blueprint, Flask, Response, g, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from app import jsonio
from app.access import ANONYMOUS, Database, Identity
from app.access.devices import DeviceRevoked
from app.access.replica import Replica
from app.errors import BadRequest, DavenportError, Forbidden, Message, TooLarge, Unauthorized, UpgradeRequired
from replication import limits
from replication.me import PROTOCOL

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/sync"
SLASH = "\U0010ffff"  # stands for %2F in a path; no character of a text
LARGEST = 100_000_000  # bytes of a JSON body: a batch of documents with their attachments as base64
WELCOME = "sync.welcome"
WIPED = "sync.wiped"
SPOKEN, NONCE = "Davenport-Protocol", "Davenport-Nonce"
SIGN_IN = "Sign in first: a name and password, or a token."

blueprint = Blueprint("sync", __name__, url_prefix=PREFIX)


class SyncId(BaseConverter):
    """A document id in a path: one piece, in which `%2F` stands for `/`."""

    def to_python(self, value: str) -> str:
        return value.replace(SLASH, "/")


class SyncPath(SyncId):
    """A name with slashes of either kind."""

    regex = ".+?"
    part_isolating = False
    weight = 200


class KeepSlashes:
    """Keeps `%2F` in paths of the gateway apart from `/`, which WSGI does not."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        raw = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
        path = urlsplit(raw).path if "://" in raw[:10] else raw.split("?", 1)[0]
        if path.startswith(PREFIX + "/") and "%2f" in path.lower():
            marked = path.replace("%2F", SLASH).replace("%2f", SLASH)
            environ["PATH_INFO"] = unquote_to_bytes(marked).decode("latin-1")
        return self._app(environ, start)


@blueprint.record_once
def _prepare(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    app.url_map.converters.update(syncid=SyncId, syncpath=SyncPath)
    app.wsgi_app = KeepSlashes(app.wsgi_app)  # type: ignore[method-assign,assignment]


# who asks


@blueprint.before_request
def _authenticate() -> None:
    request.max_content_length = max(g.node.settings.max_attachment, LARGEST)
    _refuse_other_ages()
    if request.endpoint == WIPED:  # asked by a device that is nobody's any more; the route looks at its token
        return
    g.identity = _identity()
    if g.identity.is_anonymous and request.endpoint != WELCOME:
        raise Unauthorized(SIGN_IN)


def _refuse_other_ages() -> None:
    """Our own replicator says which protocol it speaks; one version's difference is understood."""
    spoken = request.headers.get(SPOKEN)
    if spoken is None:
        return
    if not spoken.isdecimal() or len(spoken) > 4:
        raise BadRequest("The protocol is a number.")
    if int(spoken) < PROTOCOL - 1:
        raise UpgradeRequired("The program on this device is too old for this hub. Update it.")
    if int(spoken) > PROTOCOL:
        raise UpgradeRequired("The program on this device is newer than this hub. Update the hub.")


def token_sent() -> str | None:
    """The token a request came with, as Bearer or as password."""
    sent = request.authorization
    return None if sent is None else sent.token if sent.type == "bearer" else sent.password


def _identity() -> Identity:
    if "Authorization" not in request.headers:
        found: Identity = g.get("identity", ANONYMOUS)
        return found
    secrets, sent = g.node.secrets, request.authorization
    if sent is not None and sent.type == "basic":
        known = _by_token(sent.password) if sent.password else None
        if known is not None and sent.username in (known.person.key, known.person.sign_in):
            return known
        person = secrets.verify(sent.username or "", sent.password or "", address=request.remote_addr or "")
        return Identity(person, via="basic")
    if sent is not None and sent.type == "bearer" and sent.token:
        known = _by_token(sent.token)
        if known is not None:
            return known
        raise Unauthorized("This token is unknown or has expired.")
    raise Unauthorized("Send a name and password (Basic) or a token (Bearer).")


def _by_token(token: str) -> Identity | None:
    found: Identity | None = g.node.secrets.devices.identify(token) or g.node.secrets.identify(token)
    return found


def opened(name: str) -> Database:
    """A database for the one who asks. NotFound; Forbidden when this device may hold nothing of it."""
    return opener(name)()


def opener(name: str) -> Callable[[], Database]:
    """`opened`, to be called again and again, also when the request is over."""
    databases, identity = g.node.databases, g.identity

    def open() -> Database:
        found: Database = databases.open(name, identity)
        if not limits.of(databases, identity).covers(name):
            raise Forbidden("This device may hold nothing of this database.")
        return found

    return open


def replica(name: str) -> Replica:
    """The same as replicas see it. NotFound; Forbidden where documents may not be replicated."""
    return opened(name).replica


# what comes in


def body(limit: int = LARGEST) -> Any:
    """The JSON that was sent, unpacked. BadRequest, TooLarge."""
    return jsonio.loads(raw_body(limit), limit=limit)


def body_object(limit: int = LARGEST) -> dict[str, Any]:
    """The JSON object that was sent; none at all is an empty one. BadRequest, TooLarge."""
    raw = raw_body(limit)
    return jsonio.loads_object(raw, limit=limit) if raw.strip() else {}


def raw_body(limit: int) -> bytes:
    """The bytes that were sent, at most `limit` of them, also after unpacking. TooLarge, BadRequest."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    packed = request.headers.get("Content-Encoding", "").lower()
    try:
        sent: bytes = request.stream.read(limit + 1)
    except HTTPException as problem:
        raise (_too_large(limit) if problem.code == 413 else BadRequest("The body cannot be read.")) from problem
    if packed == "gzip":
        sent = _unpacked(sent, limit)
    elif packed not in ("", "identity"):
        raise BadRequest(Message("The encoding %(name)s is not known here.", name=packed[:40]))
    if len(sent) > limit:
        raise _too_large(limit)
    return sent


def _unpacked(sent: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(sent, limit + 1)
    except zlib.error as problem:
        raise BadRequest("The body is not gzip.") from problem
    if len(found) <= limit and not unpacker.eof:
        raise BadRequest("The gzip body ends too early.")
    return found


def _too_large(limit: int) -> TooLarge:
    return TooLarge(Message("This is larger than %(count)s MB.", count=limit // 1_000_000))


def yes(name: str, default: bool = False) -> bool:
    """A truth value of the query. BadRequest."""
    value = request.args.get(name)
    if value in (None, ""):
        return default
    if value not in ("true", "false"):
        raise BadRequest(Message("%(name)s is true or false.", name=name))
    return value == "true"


def whole(name: str, value: object, default: int | None, *, most: int = 1 << 60) -> int | None:
    """A number that was sent, in a query or in JSON. BadRequest."""
    if value is None or value == "":
        return default
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdecimal())):
        raise BadRequest(Message("%(name)s is a whole number.", name=name))
    number = int(value) if len(str(value)) < 19 else most
    if number < 0:
        raise BadRequest(Message("%(name)s is a whole number.", name=name))
    return min(number, most)


def json_of(name: str) -> Any:
    """A parameter of the query that holds JSON; None when absent. BadRequest."""
    value = request.args.get(name)
    return None if value is None else jsonio.loads(value)


def revision() -> str | None:
    """The revision that a change names: `?rev=` or `If-Match`."""
    return request.args.get("rev") or request.headers.get("If-Match", "").strip().strip('"') or None


# what goes out


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    """JSON."""
    found = Response(jsonio.dumps(value), status, content_type="application/json")
    found.headers.extend({name.replace("_", "-"): content for name, content in headers.items()})
    return found


def told(problem: DavenportError) -> dict[str, Any]:
    """`{error, reason}` of a refusal, the items that are wrong named in the reason."""
    reason = str(problem.reason)
    if problem.fields:
        reason = "; ".join(f"{name}: {sentence}" for name, sentence in problem.fields.items())
    return {"error": problem.error, "reason": reason}


@blueprint.after_request
def _sign(found: Response) -> Response:
    """Our own replicator tells by this that a gateway answers, and to which request."""
    found.headers[SPOKEN] = str(PROTOCOL)
    nonce = request.headers.get(NONCE, "")
    if 0 < len(nonce) <= 200 and nonce.isascii() and nonce.isprintable():
        found.headers[NONCE] = nonce
    return found


@blueprint.errorhandler(DavenportError)
def _refused(problem: DavenportError) -> Response:
    said = told(problem)
    if isinstance(problem, DeviceRevoked):
        said |= {"device": problem.device, "proof": problem.proof(request.headers.get(NONCE, ""))}
    found = answer(said, problem.status)
    if problem.status == 401 and "Sec-Fetch-Site" not in request.headers:
        found.headers["WWW-Authenticate"] = 'Basic realm="Davenport", charset="UTF-8"'
    return found


@blueprint.errorhandler(HTTPException)
def _http_refused(problem: HTTPException) -> Response:
    status = problem.code or 500
    names = {404: "not_found", 405: "method_not_allowed", 413: "document_too_large"}
    error = names.get(status, "bad_request" if status < 500 else "internal_error")
    return answer({"error": error, "reason": problem.description or problem.name}, status)
