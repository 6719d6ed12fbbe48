"""What keeps pages safe: headers, forgery tokens, same-origin writes, the cookie's key, safe addresses after
sign-in.

A browser's cookie is sent by any page of any site, so a write that rests on the cookie must prove that it
comes from here: forms and htmx by a token (`csrf_token`, `X-CSRFToken`), JSON calls to the REST interface and
the gateway by their Origin and a content type that no foreign form can send. Requests that carry their own
credentials need neither.
"""

from __future__ import annotations

import gzip
import hashlib
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from app.errors import Forbidden
from app.store.portable import create_private

csrf = CSRFProtect()

POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:", "blob:"],
    "media-src": ["'self'", "blob:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "frame-src": ["'self'"],
    "worker-src": ["'self'"],
    "manifest-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'self'"],
    "base-uri": ["'none'"],
}
PROGRAMS = ("/api/", "/sync/")  # paths that programs use: JSON in and out
NAMELESS = ("assets.asset", "healthz")  # endpoints that are the same for everybody
SMALL = 1_000  # bytes that are not worth compressing
SAFE = {"GET", "HEAD", "OPTIONS"}


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie; answers that are the same for everybody neither set it nor vary with it."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if request.endpoint not in NAMELESS:
            super().save_session(app, session, response)


def session_key(data: Path) -> bytes:
    """The key that signs this node's cookies: made once, readable by its owner alone."""
    path = data / "session.key"
    if not path.exists():
        create_private(path, secrets.token_bytes(32))
    return path.read_bytes()


def cookie_name(data: Path) -> str:
    """Two nodes on one machine differ only in port, which cookies ignore: each has a name of its own."""
    return "davenport_" + hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:8]


def safe_next(address: str | None, fallback: str = "/") -> str:
    """An address on this site to go to after sign-in; anything else becomes `fallback`."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return fallback
    parts = urlsplit(address.replace("\\", "/"))
    if parts.scheme or parts.netloc or any(ord(letter) < 32 for letter in address):
        return fallback
    return address


def is_program() -> bool:
    """True on the paths of the REST interface and the gateway."""
    return request.path.startswith(PROGRAMS)


def allow(directive: str, *origins: str) -> None:
    """Widen the content policy of this one answer (`allow("img-src", "blob:")`)."""
    g.setdefault("policy", {}).setdefault(directive, []).extend(origins)


def check_origin() -> None:
    """A write that rests on the cookie comes from our own pages. Forbidden otherwise."""
    if request.method in SAFE or request.authorization is not None or not session:
        return
    if not is_program():
        csrf.protect()
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site not in (None, "same-origin") or (origin or "").rstrip("/") != request.host_url.rstrip("/"):
        raise Forbidden("A change made with a sign-in cookie must come from this site's own pages.")
    kind = request.mimetype
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain") and not kind_free():
        raise Forbidden("Send this as application/json.")


def kind_free() -> bool:
    """Attachments may be of any type; everything else on these paths is JSON."""
    return "/attachments/" in request.path


def add_headers(answer: Response) -> Response:
    """The security headers of every answer; pages of a person are not kept by caches."""
    policy = {name: [*values, *g.get("policy", {}).get(name, [])] for name, values in POLICY.items()}
    text = "; ".join(f"{name} {' '.join(values)}" for name, values in policy.items())
    answer.headers.setdefault("Content-Security-Policy", text)
    answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    answer.headers.setdefault("Referrer-Policy", "same-origin")
    answer.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
    answer.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    answer.headers.setdefault("Permissions-Policy", "geolocation=(), microphone=(), payment=(), usb=()")
    answer.headers.setdefault("Cache-Control", "private, no-cache")
    if request.is_secure:
        answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return _packed(answer)


def _packed(answer: Response) -> Response:
    """Pages and JSON compressed where it pays and the browser takes it."""
    if (
        answer.mimetype not in ("text/html", "application/json")
        or answer.is_streamed
        or answer.direct_passthrough
        or "Content-Encoding" in answer.headers
        or "gzip" not in request.headers.get("Accept-Encoding", "")
    ):
        return answer
    body = answer.get_data()
    if len(body) > SMALL:
        answer.set_data(gzip.compress(body, 4, mtime=0))
        answer.headers["Content-Encoding"] = "gzip"
    answer.vary.add("Accept-Encoding")
    return answer


def install(app: Flask, data: Path, *, proxies: int, secure: bool, key: bytes | None = None) -> None:
    """Keys, cookies, headers and checks for `app`; `key` signs cookies, else one kept in `data`."""
    app.config.update(
        SECRET_KEY=key or session_key(data),
        SESSION_COOKIE_NAME=cookie_name(data),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.session_interface = Sessions()
    csrf.init_app(app)
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies
        )
    app.after_request(add_headers)
