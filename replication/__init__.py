"""The gateway: `/sync/…`, the CouchDB replication protocol as a person. README.md says what it answers.

    routes/      one file per endpoint, around the one authorization in gate.py (these alone know Flask)
    feed.py      the changes feed of one request: rows, waiting, heartbeats
    shapes.py    documents as CouchDB writes and reads them        multipart.py  the same with content beside
    selectors.py a small part of Mango                             tokens.py     `since` and `update_seq`

Who may read and write what is decided in app/access (`replica.py`, `pushing.py`).
"""
