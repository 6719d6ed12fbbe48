-- What only a laptop has. It lies here because it commits with the documents; node.db is another file, and a commit
-- over two files in WAL mode is not one commit.
CREATE TABLE IF NOT EXISTS upstream (                          -- one row a database; '' = the person and the hub
    name TEXT PRIMARY KEY,
    me TEXT NOT NULL,                            -- what the person may, JSON, as the hub last said
    checkpoint TEXT,                             -- token up to which the hub's changes are in
    last_sync TEXT,
    error TEXT                                   -- why the last round failed
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unsent (                            -- revisions made here that the hub has not acknowledged
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    db INTEGER NOT NULL,
    id TEXT NOT NULL,
    rev TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS unsent_by_rev ON unsent (db, id, rev);
CREATE INDEX IF NOT EXISTS unsent_by_db ON unsent (db, n);
CREATE TABLE IF NOT EXISTS rejected (                          -- edits that the hub refused, until the person settles them
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    database TEXT NOT NULL,                      -- its name: the database may be gone
    id TEXT NOT NULL,
    at TEXT NOT NULL,
    error TEXT NOT NULL,
    reason TEXT NOT NULL,
    base_rev TEXT,
    items BLOB NOT NULL,                         -- {name: [base, mine, earlier values …]} of what the person set
    body BLOB NOT NULL,                          -- as refused; the person's own items alone once the document is lost
    attachments BLOB,                            -- those that the person added
    new INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    retry INTEGER NOT NULL DEFAULT 0             -- 1: rights have changed since, it is sent again by itself
);
CREATE INDEX IF NOT EXISTS rejected_by_document ON rejected (database, id);
CREATE TABLE IF NOT EXISTS missing_content (                   -- attachments of which only the stub has come
    db INTEGER NOT NULL,
    id TEXT NOT NULL,
    rev TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    length INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (db, id, rev, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS missing_content_by_length ON missing_content (db, length);
CREATE INDEX IF NOT EXISTS missing_content_by_address ON missing_content (address);
CREATE TABLE IF NOT EXISTS erasing (                           -- purged documents of which traces outside this file may be left
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    database TEXT NOT NULL,
    id TEXT,                                     -- NULL: the whole database
    doc INTEGER,
    addresses TEXT NOT NULL                      -- JSON list: attachment contents it named
);
