"""`_changes`: what changed after `since`, of what the person reads; at once, by long poll, or continuously."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Response, request

from app import jsonio
from app.errors import BadRequest, Message, NotImplementedHere
from replication import selectors
from replication.feed import Asked, Feed
from replication.routes.gate import blueprint, body_object, opener, whole, yes

LONGEST = 300_000  # milliseconds a client may ask to wait
USUAL = 60_000  # milliseconds without a `timeout`
QUICKEST = 100  # milliseconds between heartbeats


@blueprint.get("/<database>/_changes")
@blueprint.post("/<database>/_changes")
def changes(database: str) -> Response:
    """{results: [{seq, id, changes: [{rev}], deleted?, doc?, revoked?}], last_seq, pending}. With `revocations` 410
    `recompare` when the token is not known (any more)."""
    kind = request.args.get("feed", "normal")
    if kind not in ("normal", "longpoll", "continuous"):
        raise NotImplementedHere(Message("The feed %(name)s is not known here.", name=kind[:40]))
    asked = _asked(kind)
    feed = Feed(opener(database), asked)
    if kind == "normal":
        return Response(b"".join(feed.pieces()), content_type="application/json")
    content: Iterable[bytes] = feed.lines() if kind == "continuous" else feed.pieces()
    return Response(content, content_type="application/json")


def _asked(kind: str) -> Asked:
    sent = body_object() if request.method == "POST" else {}
    ids, test = _filter(sent)
    args = request.args
    style = args.get("style", "main_only")
    if style not in ("main_only", "all_docs"):
        raise BadRequest("The style is main_only or all_docs.")
    if yes("attachments"):
        raise NotImplementedHere("The feed carries no attachments; fetch them with _bulk_get.")
    beat = args.get("heartbeat")
    heartbeat = None if beat in (None, "false") else max(_milliseconds("heartbeat", beat, USUAL), QUICKEST) / 1000
    return Asked(
        since=request.headers.get("Last-Event-ID") or sent.get("since") or args.get("since") or 0,
        limit=max(whole("limit", args.get("limit"), None) or 1, 1) if args.get("limit") else None,
        style=style,
        include_docs=yes("include_docs"),
        descending=yes("descending"),
        ids=ids,
        test=test,
        seq_interval=whole("seq_interval", args.get("seq_interval"), 1) or 1,
        wait=0.0 if kind == "normal" else _milliseconds("timeout", args.get("timeout"), USUAL) / 1000,
        heartbeat=heartbeat,
        continuous=kind == "continuous",
        revocations=yes("revocations"),
    )


def _milliseconds(name: str, value: object, default: int) -> int:
    if value == "true":
        return default
    return whole(name, value, default, most=LONGEST) or 0


def _filter(sent: dict[str, Any]) -> tuple[list[str] | None, Any]:
    """The ids, or the test, that a filter stands for."""
    name = request.args.get("filter") or sent.get("filter")
    if name is None and "selector" in sent:
        name = "_selector"
    if name is None and ("doc_ids" in sent or "doc_ids" in request.args):
        name = "_doc_ids"
    if not name:
        return None, None
    if name == "_selector":
        return None, selectors.compile(sent.get("selector"))
    if name != "_doc_ids":
        raise NotImplementedHere("Filters here are _doc_ids and _selector.")
    ids = sent["doc_ids"] if "doc_ids" in sent else jsonio.loads(request.args.get("doc_ids", "null"))
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise BadRequest("`doc_ids` is a list of document ids.")
    return ids, None
