"""The welcome, `_session`, and databases as a whole: what they are, making and removing them."""

from __future__ import annotations

from flask import Response, g

from replication.routes.gate import answer, blueprint, opened, replica
from replication.tokens import token


@blueprint.get("/")
def welcome() -> Response:
    """{couchdb: "Welcome", …}; open to everybody."""
    return answer({"couchdb": "Welcome", "vendor": {"name": "Davenport"}, "version": "3.3.0", "features": []})


@blueprint.get("/_session")
def session() -> Response:
    """{ok, userCtx: {name, roles}}."""
    told = {"authenticated": "default", "authentication_handlers": ["default", "cookie"]}
    return answer({"ok": True, "userCtx": {"name": g.identity.key, "roles": []}, "info": told})


@blueprint.get("/<database>", strict_slashes=False)
def info(database: str) -> Response:
    """{db_name, doc_count, doc_del_count, update_seq, instance_start_time}: of what the person reads."""
    base = replica(database)
    seq = token(*base.place("now"))
    figures = base.figures()
    return answer(
        {
            "db_name": database,
            "doc_count": figures.documents,
            "doc_del_count": figures.deleted,
            "update_seq": seq,
            "committed_update_seq": seq,
            "instance_start_time": "0",
            "compact_running": False,
            "purge_seq": "0",
            "disk_format_version": 8,
            "sizes": {"file": 0, "external": 0, "active": 0},
            "props": {},
        }
    )


@blueprint.put("/<database>", strict_slashes=False)
def create(database: str) -> Response:
    """201 {ok}; the one who asks becomes manager. 403, 412 file_exists."""
    g.node.databases.create(database, g.identity)
    return answer({"ok": True}, 201)


@blueprint.delete("/<database>", strict_slashes=False)
def drop(database: str) -> Response:
    """{ok}; by managers who may make databases. 403, 404."""
    g.node.databases.drop(database, g.identity)
    return answer({"ok": True})


@blueprint.post("/<database>/_ensure_full_commit")
def ensure_full_commit(database: str) -> Response:
    """201 {ok}: what was answered is on disk already."""
    opened(database)
    return answer({"ok": True, "instance_start_time": "0"}, 201)
