"""Everything below `/sync/`: one module per endpoint, each on the blueprint of gate.py."""

from replication.routes import (  # noqa: F401  (each registers its routes)
    all_docs,
    attachments,
    bulk_docs,
    bulk_get,
    changes,
    devices,
    documents,
    laptops,
    local,
    mine,
    revs_diff,
    server,
    unknown,
)
from replication.routes.gate import blueprint

__all__ = ["blueprint"]
