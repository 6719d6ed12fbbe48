"""Sign-in that another system proves: the company's OpenID Connect provider, or an LDAP server.

    /sign-in/oidc ──> provider ──> /sign-in/oidc/return ──> ID token checked ──> a person of the directory

Authlib does the exchange (state, nonce, PKCE, signature); who that is and whether they may come in is decided by
`app.access.external`. Rights never come from the other system.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from app.access import Person
from app.access.external import Claims, Ldap, ldap_person, oidc_person
from app.errors import NotFound, Unavailable
from app.web import context, security
from app.web.admin import mailing

blueprint = Blueprint("external", __name__)
log = logging.getLogger("davenport.web")

CLIENT = "davenport_oidc"
TIMEOUT = 10.0


def verify(name: str, password: str, address: str) -> Person:
    """Who signs in with name and password: by the password kept here, else by the LDAP server of the settings.

    Unauthorized, TooManyRequests, Unavailable.
    """
    node = context.node()
    settings = node.settings
    known = node.directory.find(name)
    if not settings.ldap_url or (known is not None and node.secrets.has_password(known.key)):
        return node.secrets.verify(name, password, address=address)
    server = Ldap(settings.ldap_url, bind=settings.ldap_bind_dn, start_tls=settings.ldap_start_tls)
    return node.secrets.verify_with(name, address, lambda: ldap_person(server, node.directory, name, password))


def client() -> Any:
    """Authlib's client for the provider of the settings, made once per application. NotFound without a provider."""
    settings = context.node().settings
    if not settings.oidc_issuer:
        raise NotFound
    kept = current_app.extensions.get(CLIENT)
    if kept is None:
        try:
            from authlib.integrations.flask_client import OAuth
        except ImportError:
            raise Unavailable(_("Signing in elsewhere needs the extra “oidc”: install davenport[oidc].")) from None
        kept = OAuth(current_app).register(
            name="oidc",
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret or None,
            server_metadata_url=settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "timeout": TIMEOUT,
                "token_endpoint_auth_method": "client_secret_basic" if settings.oidc_client_secret else "none",
            },
        )
        current_app.extensions[CLIENT] = kept
    return kept


@blueprint.get("/sign-in/oidc")
def start() -> Any:
    """Send the browser to the provider; `next` is where to go afterwards."""
    provider = client()
    session["oidc_next"] = security.safe_next(request.args.get("next"))
    try:
        return provider.authorize_redirect(mailing.base_url() + url_for("external.come_back"))
    except Exception as problem:
        log.warning("The sign-in provider does not answer: %s", problem)
        return _refused(_("The sign-in server does not answer. Try again later."), 503)


@blueprint.get("/sign-in/oidc/return")
def come_back() -> Any:
    """Back from the provider: check what it says and begin a session."""
    from app.web.pages.session import begin

    provider = client()
    wanted = security.safe_next(session.pop("oidc_next", None))
    if request.args.get("error"):
        return _refused(_("The other side did not let you in."), 403)
    try:
        claims = dict(provider.authorize_access_token(leeway=60).get("userinfo") or {})
    except Exception as problem:  # whatever is wrong with state, code, signature, issuer, audience or time
        log.warning("A sign-in elsewhere was refused: %s: %s", type(problem).__name__, problem)
        return _refused(_("What the sign-in server sent could not be checked. Begin anew."), 400)
    node = context.node()
    settings = Claims(sign_in=(node.settings.oidc_claim,))
    person = oidc_person(node.directory, claims, settings)
    if person is None:
        subject = str(claims.get(node.settings.oidc_claim) or claims.get("sub") or "")[:200]
        detail = {"via": "oidc"}
        node.audit.record("sign_in_failed", "", subject=subject, address=request.remote_addr, detail=detail)
        return _refused(_("You are known there, but nobody with this name is in the directory here."), 403)
    begin(person)
    node.audit.record("sign_in", person.key, address=request.remote_addr, detail={"via": "oidc"})
    return redirect(wanted)


def _refused(sentence: str, status: int) -> Any:
    return render_template("passwords/refused.html", sentence=sentence), status
