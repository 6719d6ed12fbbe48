"""Sign-in proved elsewhere: an OpenID Connect provider on loopback with real keys and tokens; LDAP by its mock."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from flask import Flask, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from app.access import external

if TYPE_CHECKING:
    from tests.web_admin.conftest import Web


class Provider:
    """Discovery, keys, authorize, token. What it says of the person can be changed."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig"})
        self.claims: dict[str, Any] = {"preferred_username": "north"}
        self.forge: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        app = Flask("provider")
        app.add_url_rule("/.well-known/openid-configuration", "discover", self.discover)
        app.add_url_rule("/keys", "keys", lambda: jsonify(keys=[self.key.as_dict(private=False)]))
        app.add_url_rule("/authorize", "authorize", self.authorize)
        app.add_url_rule("/token", "token", self.token, methods=["POST"])
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def discover(self) -> Any:
        return jsonify(
            issuer=self.issuer,
            authorization_endpoint=self.issuer + "/authorize",
            token_endpoint=self.issuer + "/token",
            jwks_uri=self.issuer + "/keys",
            response_types_supported=["code"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
        )

    def authorize(self) -> Any:
        code = f"code{len(self.codes)}"
        self.codes[code] = dict(request.args)
        return redirect(request.args["redirect_uri"] + "?" + urlencode({"code": code, "state": request.args["state"]}))

    def token(self) -> Any:
        asked = self.codes.pop(request.form["code"])
        assert request.authorization is not None
        assert (request.authorization.username, request.authorization.password) == ("davenport", "s3cret")
        assert asked["code_challenge_method"] == "S256"
        assert request.form["code_verifier"]
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "davenport", "sub": "42", "iat": now, "exp": now + 300,
                  "nonce": asked["nonce"], **self.claims, **self.forge}  # fmt: skip
        key = self.forge.get("_key", self.key)
        claims.pop("_key", None)
        id_token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
        return jsonify(access_token="x", token_type="Bearer", expires_in=300, id_token=id_token)


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.thread.join(5)
    made.server.server_close()


@pytest.fixture
def oidc(provider: Provider, with_settings: Callable[..., Web]) -> Web:
    return with_settings(oidc_issuer=provider.issuer, oidc_client_id="davenport", oidc_client_secret="s3cret")


def come_through(web: Web, wanted: str = "/db/customers/") -> Any:
    """A browser at the sign-in page, at the provider, and back."""
    browser = web.anonymous().client
    there = browser.get("/sign-in/oidc?next=" + wanted)
    assert there.status_code == 302, there.text
    back = requests.get(there.headers["Location"], allow_redirects=False, timeout=5).headers["Location"]
    return browser, browser.get(urlsplit(back).path + "?" + urlsplit(back).query)


def test_a_person_of_the_directory_comes_in(oidc: Web) -> None:
    assert "/sign-in/oidc" in oidc.anonymous().get("/sign-in")
    browser, answer = come_through(oidc)
    assert answer.headers["Location"] == "/db/customers/"
    assert "North" in browser.get("/").text
    entry = oidc.node.audit.search(event="sign_in", limit=1)[0]
    assert (entry.person, entry.detail) == ("north", {"via": "oidc"})


def test_it_leads_nowhere_else(oidc: Web) -> None:
    assert come_through(oidc, "https://evil.example/")[1].headers["Location"] == "/"


def test_nobody_of_the_directory_stays_outside(oidc: Web, provider: Provider) -> None:
    provider.claims = {"preferred_username": "stranger", "email": "north@example.org"}
    browser, answer = come_through(oidc)
    assert answer.status_code == 403
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize(
    "forged",
    [{"iss": "https://other.example"}, {"aud": "another"}, {"nonce": "old"}, {"exp": 1_000_000}, {"_key": None}],
    ids=["issuer", "audience", "nonce", "time", "key"],
)
def test_a_forged_token_is_refused(oidc: Web, provider: Provider, forged: dict[str, Any]) -> None:
    if "_key" in forged:
        forged = {"_key": RSAKey.generate_key(2048)}
    provider.forge = forged
    browser, answer = come_through(oidc)
    assert answer.status_code == 400
    assert browser.get("/").status_code == 302


def test_an_answer_nobody_asked_for_is_refused(oidc: Web) -> None:
    client = oidc.anonymous().client
    assert client.get("/sign-in/oidc/return?code=code0&state=made-up").status_code == 400
    assert client.get("/sign-in/oidc/return?error=access_denied").status_code == 403


def test_a_dead_provider_is_a_sentence(with_settings: Callable[..., Web]) -> None:
    web = with_settings(oidc_issuer="http://127.0.0.1:9", oidc_client_id="davenport")
    assert web.anonymous().client.get("/sign-in/oidc").status_code == 503


def test_without_a_provider_there_is_no_such_page(web: Web) -> None:
    assert web.anonymous().client.get("/sign-in/oidc").status_code == 404


def test_ldap(with_settings: Callable[..., Web], monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ldap3
    mock = ldap3.Connection(ldap3.Server("mock"), client_strategy=ldap3.MOCK_SYNC)
    entry = {"objectClass": "person", "uid": "lea", "cn": "Lea", "mail": "lea@example.org", "userPassword": "at ldap 1"}
    mock.strategy.add_entry("uid=lea,ou=people,dc=example,dc=org", entry)
    mock.bind()
    monkeypatch.setattr(external, "_connection", lambda settings: mock)
    web = with_settings(ldap_url="ldap://mock", ldap_bind_dn="uid={name},ou=people,dc=example,dc=org")
    with web.node.secrets.file.transaction() as connection:
        connection.execute("DELETE FROM passwords WHERE person = 'lea'")
    web.sign_in("lea", "at ldap 1").get("/")
    client = web.anonymous()
    client.get("/sign-in")
    client.post("/sign-in", {"name": "lea", "password": "wrong"}, 401)
    client.post("/sign-in", {"name": "lea", "password": ""}, 401)
    web.sign_in("north").get("/")  # a password kept here goes on
