-- node.db: what belongs to this node alone and never replicates.

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE passwords (
    person TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    must_change INTEGER NOT NULL DEFAULT 0,
    session_version INTEGER NOT NULL DEFAULT 1   -- raised when every session must end
) WITHOUT ROWID;

CREATE TABLE failures (                          -- wrong passwords, by name and by address
    subject TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    last REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE links (                             -- one-time links: first password, forgotten password
    digest TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    purpose TEXT NOT NULL,
    expires_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE tokens (
    digest TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    person TEXT NOT NULL,
    label TEXT NOT NULL,
    scope TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    last_used TEXT
) WITHOUT ROWID;

CREATE TABLE audit (
    n INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    person TEXT NOT NULL,
    event TEXT NOT NULL,                         -- sign_in, sign_in_failed, acl, export, full_access, …
    database TEXT,
    subject TEXT,
    detail TEXT NOT NULL,
    address TEXT
);
CREATE INDEX audit_by_event ON audit (event, n);
CREATE INDEX audit_by_person ON audit (person, n);

CREATE TABLE marks (                             -- unread marks: a baseline per person and database …
    person TEXT NOT NULL,
    database TEXT NOT NULL,
    baseline INTEGER NOT NULL,
    PRIMARY KEY (person, database)
) WITHOUT ROWID;
CREATE TABLE marks_read (                        -- … and exceptions: the last content revision read ('' = marked unread)
    person TEXT NOT NULL,
    database TEXT NOT NULL,
    id TEXT NOT NULL,
    rev TEXT NOT NULL,
    PRIMARY KEY (person, database, id)
) WITHOUT ROWID;

CREATE TABLE filters (                           -- saved filters and column choices
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    database TEXT NOT NULL,
    view TEXT NOT NULL,
    name TEXT NOT NULL,
    shared INTEGER NOT NULL DEFAULT 0,
    query TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE preferences (
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (person, name)
) WITHOUT ROWID;

CREATE TABLE drafts (
    person TEXT NOT NULL,
    database TEXT NOT NULL,
    id TEXT NOT NULL,                            -- document id, or `new:<form>:<n>`
    rev TEXT,
    items TEXT NOT NULL,
    saved_at TEXT NOT NULL,
    PRIMARY KEY (person, database, id)
) WITHOUT ROWID;

CREATE TABLE jobs (                              -- imports, bulk updates, exports: progress, result, undo
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    person TEXT NOT NULL,
    database TEXT,
    state TEXT NOT NULL,                         -- waiting running done cancelled failed undone
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    detail TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    owner TEXT,                                  -- the process that runs it; taken over when the heartbeat stops
    heartbeat REAL NOT NULL DEFAULT 0,
    cancel INTEGER NOT NULL DEFAULT 0            -- somebody wants it to stop
) WITHOUT ROWID;
CREATE TABLE job_rows (                          -- what a job did, so that it can be undone, and what it skipped
    job TEXT NOT NULL,
    n INTEGER NOT NULL,
    id TEXT,
    before TEXT,
    after_rev TEXT,
    skipped TEXT,
    PRIMARY KEY (job, n)
) WITHOUT ROWID;

CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,                        -- acts with this person's rights
    database TEXT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    events TEXT NOT NULL,                        -- JSON list of created, updated, deleted
    since INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT 1,
    label TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT '',
    failures INTEGER NOT NULL DEFAULT 0,         -- in a row; too many and it is switched off
    problem TEXT,                                -- why it was switched off
    checked_at TEXT NOT NULL DEFAULT ''          -- when changes were last looked for
) WITHOUT ROWID;
CREATE TABLE deliveries (
    n INTEGER PRIMARY KEY,
    webhook TEXT NOT NULL,
    document TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    rev TEXT NOT NULL,
    state TEXT NOT NULL,                         -- queued retry sent failed dropped
    tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    status INTEGER,
    answer TEXT,
    at TEXT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (state, due);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, n);
