"""`_revs_diff` and the older `_missing_revs`: which revisions of another node are not here.

What the person may not read looks unknown: all its revisions are missing, and a push of them is refused.
"""

from __future__ import annotations

from flask import Response

from app.errors import BadRequest
from replication.routes.gate import answer, blueprint, body_object, replica


def _asked() -> dict[str, list[str]]:
    asked = body_object()
    for revs in asked.values():
        if not isinstance(revs, list) or not all(isinstance(rev, str) for rev in revs):
            raise BadRequest("A list of revisions is expected for each document.")
    return asked


@blueprint.post("/<database>/_revs_diff")
def revs_diff(database: str) -> Response:
    """{id: {missing: [rev], possible_ancestors?: [rev]}} for {id: [rev]}."""
    return answer(replica(database).missing(_asked()))


@blueprint.post("/<database>/_missing_revs")
def missing_revs(database: str) -> Response:
    """{missing_revs: {id: [rev]}}."""
    found = replica(database).missing(_asked())
    return answer({"missing_revs": {id: told["missing"] for id, told in found.items()}})
