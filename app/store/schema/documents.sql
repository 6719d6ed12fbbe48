-- documents.db: documents, their revision trees, who may read them, and the view index.
-- One row a document; the winner's body lies in it, so that a page reads 50 rows and nothing else.

CREATE TABLE counters (                          -- numbers given out once and never again
    name TEXT PRIMARY KEY,                       -- database, document, access
    next INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters VALUES ('access', 1), ('database', 1), ('document', 1);

CREATE TABLE databases (
    db INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    incarnation TEXT NOT NULL,
    created_at TEXT NOT NULL,
    update_seq INTEGER NOT NULL DEFAULT 0,
    documents INTEGER NOT NULL DEFAULT 0,        -- live
    deleted INTEGER NOT NULL DEFAULT 0,
    log_from INTEGER NOT NULL DEFAULT 0          -- access_log is complete after this seq
);

CREATE TABLE documents (
    doc INTEGER PRIMARY KEY,
    db INTEGER NOT NULL REFERENCES databases,
    id TEXT NOT NULL,
    rev TEXT NOT NULL,                           -- winner, `generation-digest`
    deleted INTEGER NOT NULL,
    seq INTEGER NOT NULL,                        -- of the last change, per database
    access INTEGER NOT NULL,                     -- sets.access: who may read it
    born INTEGER NOT NULL DEFAULT 0,             -- seq that brought it: who stands before it never had it
    form TEXT,
    body BLOB NOT NULL,                          -- winner's items, JSON
    attachments BLOB,                            -- winner's stubs, JSON, or NULL
    tree BLOB NOT NULL                           -- revision tree, see app/store/tree.py
);
CREATE UNIQUE INDEX documents_by_id ON documents (db, id);
CREATE INDEX documents_by_seq ON documents (db, seq, access);       -- one document per seq
CREATE INDEX documents_by_access ON documents (db, access, seq);
CREATE INDEX documents_deleted ON documents (db, seq, access) WHERE deleted = 1;
CREATE INDEX documents_with_attachments ON documents (doc) WHERE attachments IS NOT NULL;

CREATE TABLE bodies (                            -- of losing leaves, and of ancestors while somebody may need them
    doc INTEGER NOT NULL,
    rev TEXT NOT NULL,
    body BLOB NOT NULL,
    attachments BLOB,
    at TEXT NOT NULL,                            -- when it stopped being the winner
    PRIMARY KEY (doc, rev)
) WITHOUT ROWID;
CREATE INDEX bodies_with_attachments ON bodies (doc) WHERE attachments IS NOT NULL;

CREATE TABLE conflicts (                         -- documents whose branches somebody should settle
    doc INTEGER PRIMARY KEY,
    db INTEGER NOT NULL,
    live INTEGER NOT NULL,                       -- leaves
    ended INTEGER NOT NULL                       -- deletions beside them that nobody has settled
);
CREATE INDEX conflicts_by_db ON conflicts (db);

CREATE TABLE sets (                              -- distinct reader sets; documents hold their number
    access INTEGER PRIMARY KEY,
    db INTEGER NOT NULL,
    digest TEXT NOT NULL,
    names TEXT NOT NULL,                         -- JSON list, sorted; ["*"] = every reader
    documents INTEGER NOT NULL DEFAULT 0,        -- live documents that have it
    UNIQUE (db, digest)
);
CREATE TABLE set_names (
    db INTEGER NOT NULL,
    name TEXT NOT NULL,
    access INTEGER NOT NULL,
    PRIMARY KEY (db, name, access)
) WITHOUT ROWID;

CREATE TABLE access_log (                        -- every change of a document's set, every deletion, every purge
    db INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    doc INTEGER NOT NULL,
    access INTEGER NOT NULL,                     -- the set in force before this change
    deleted INTEGER NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (db, seq, doc)
) WITHOUT ROWID;
CREATE INDEX access_log_by_doc ON access_log (doc);

CREATE TABLE history (                           -- immutable: what a revision changed
    db INTEGER NOT NULL,
    id TEXT NOT NULL,
    rev TEXT NOT NULL,
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    device TEXT,
    action TEXT,
    comment TEXT,
    items BLOB NOT NULL,                         -- {name: [old, new]}
    PRIMARY KEY (db, id, rev)
) WITHOUT ROWID;

CREATE TABLE local_documents (
    db INTEGER NOT NULL,
    id TEXT NOT NULL,
    rev TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (db, id)
) WITHOUT ROWID;

CREATE TABLE purged (                            -- a push with nothing newer is refused
    db INTEGER NOT NULL,
    id TEXT NOT NULL,
    generation INTEGER NOT NULL,                 -- 0: not remembered, the document may come again as it was
    seq INTEGER NOT NULL,
    doc INTEGER NOT NULL,                        -- the number it had
    born INTEGER NOT NULL DEFAULT 0,             -- the seq that had brought it
    PRIMARY KEY (db, id)
) WITHOUT ROWID;
CREATE INDEX purged_by_seq ON purged (db, seq);
CREATE INDEX purged_by_doc ON purged (db, doc);

CREATE TABLE numbers (                           -- leased blocks of running numbers per series and year
    series TEXT NOT NULL,                        -- database/series, with what the pattern puts before {seq}
    year INTEGER NOT NULL,
    last INTEGER NOT NULL,                       -- the block's last number; the source's own block has no end
    next INTEGER NOT NULL,
    PRIMARY KEY (series, year, last)
) WITHOUT ROWID;

CREATE TABLE uniques (                           -- normalised values that duplicate checks compare
    db INTEGER NOT NULL,
    item TEXT NOT NULL,                          -- form.item, or form#phone for all telephone numbers of a form
    value TEXT NOT NULL,
    doc INTEGER NOT NULL,
    PRIMARY KEY (db, item, value, doc)
) WITHOUT ROWID;

CREATE TABLE issued_keys (                       -- names of persons and groups, never issued twice
    key TEXT PRIMARY KEY,
    at TEXT NOT NULL
) WITHOUT ROWID;

-- The view index: keys only. Columns are computed from the body when a page is shown.
CREATE TABLE orders (                            -- one per (database, selection, sort key); views share them
    ord INTEGER PRIMARY KEY AUTOINCREMENT,       -- never used again: doc_entries may still name an old one
    db INTEGER NOT NULL,
    digest TEXT NOT NULL,
    ready INTEGER NOT NULL DEFAULT 0,            -- 1 complete, 0 being built, -1 being removed
    built INTEGER NOT NULL DEFAULT 0,            -- while it is built: seq up to which documents are in it
    UNIQUE (db, digest)
);
CREATE TABLE entries (
    ord INTEGER NOT NULL,
    key BLOB NOT NULL,                           -- memcmp order, app/views/collation.py
    doc INTEGER NOT NULL,
    n INTEGER NOT NULL,                          -- 64 x which of several categories + level of response
    access INTEGER NOT NULL,
    PRIMARY KEY (ord, key, doc, n)
) WITHOUT ROWID;
CREATE TABLE entries_of_access (                 -- the same by reader set; a table of its own, written in its own order
    ord INTEGER NOT NULL,
    access INTEGER NOT NULL,
    key BLOB NOT NULL,
    doc INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (ord, access, key, doc, n)
) WITHOUT ROWID;
CREATE TABLE doc_entries (                       -- what a document has in the index, so that an update removes just that
    doc INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
);
CREATE TABLE totals (                            -- of main documents, per category and set; access -1 = all sets together
    ord INTEGER NOT NULL,
    access INTEGER NOT NULL,
    level INTEGER NOT NULL,                      -- 0 the whole order, 1 first category, ...
    category BLOB NOT NULL,                      -- prefix of the keys
    count INTEGER NOT NULL,
    sums TEXT,                                   -- JSON list of decimals
    PRIMARY KEY (ord, access, level, category)
) WITHOUT ROWID;
CREATE TABLE totals_log (                        -- latest changes of totals: brings remembered ones up to date
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    ord INTEGER,                                 -- NULL: too much changed to list
    access INTEGER,
    level INTEGER,
    category BLOB,
    count INTEGER,
    sums TEXT
);
CREATE TABLE pending (                           -- documents whose entries are still to be made
    doc INTEGER PRIMARY KEY,
    db INTEGER NOT NULL
);
CREATE INDEX pending_by_db ON pending (db);
CREATE TABLE placing (                           -- documents of a run: doc_entries has their keys, entries may not yet
    doc INTEGER PRIMARY KEY,
    db INTEGER NOT NULL,
    run INTEGER NOT NULL,
    orders TEXT NOT NULL                         -- JSON list of the orders this is true of; not counted in totals
);
CREATE TABLE responses (                         -- item `parent` of a document, kept where some view shows a tree
    doc INTEGER PRIMARY KEY,
    db INTEGER NOT NULL,
    parent TEXT NOT NULL
);
CREATE INDEX responses_by_parent ON responses (db, parent, doc);
