"""What pickers ask while somebody types: names of the directory, documents the person may read.

GET /pick/names?q=&kinds=person,group&database=     {rows: [{value, label, hint}]}
GET /pick/documents?q=&database=&form=              {rows: [{value, label, hint}]}
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from app.web import context
from app.web.documents import picking

blueprint = Blueprint("pick", __name__, url_prefix="/pick")


@blueprint.get("/names")
@context.sign_in_required
def names() -> Response:
    """Persons, groups, units and roles whose name, title, mail or key holds the words."""
    kinds = [kind for kind in request.args.get("kinds", "").split(",") if kind] or ["person"]
    database = request.args.get("database", "")
    return jsonify(rows=picking.names(request.args.get("q", "")[:100], kinds, database))


@blueprint.get("/documents")
@context.sign_in_required
def documents() -> Response:
    """Documents of some forms whose title or code begins with, or holds, the words."""
    database = context.open_database(request.args.get("database", ""))
    forms = [form for form in request.args.get("form", "").split(",") if form]
    return jsonify(rows=picking.documents(database, forms, request.args.get("q", "")[:100]))
