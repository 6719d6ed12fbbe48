-- What follows a person between devices: when each thing was last set, or that it is gone (app/views/personal.py).
CREATE TABLE mine (
    person TEXT NOT NULL,
    kind TEXT NOT NULL,                          -- read unread all filter preference draft
    database TEXT NOT NULL,
    id TEXT NOT NULL,
    at TEXT NOT NULL,
    gone INTEGER NOT NULL,
    n INTEGER NOT NULL,                          -- grows with every change of this person's things on this node
    PRIMARY KEY (person, kind, database, id)
) WITHOUT ROWID;
CREATE INDEX mine_by_n ON mine (person, n);
CREATE TRIGGER filters_insert AFTER INSERT ON filters BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT NEW.person, 'filter', NEW.database, NEW.id,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 0, coalesce(max(n), 0) + 1 FROM mine WHERE person = NEW.person;
END;
CREATE TRIGGER filters_update AFTER UPDATE ON filters BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT NEW.person, 'filter', NEW.database, NEW.id,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 0, coalesce(max(n), 0) + 1 FROM mine WHERE person = NEW.person;
END;
CREATE TRIGGER filters_delete AFTER DELETE ON filters BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT OLD.person, 'filter', OLD.database, OLD.id,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 1, coalesce(max(n), 0) + 1 FROM mine WHERE person = OLD.person;
END;
CREATE TRIGGER preferences_insert AFTER INSERT ON preferences BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT NEW.person, 'preference', '', NEW.name,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 0, coalesce(max(n), 0) + 1 FROM mine WHERE person = NEW.person;
END;
CREATE TRIGGER preferences_update AFTER UPDATE ON preferences BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT NEW.person, 'preference', '', NEW.name,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 0, coalesce(max(n), 0) + 1 FROM mine WHERE person = NEW.person;
END;
CREATE TRIGGER preferences_delete AFTER DELETE ON preferences BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT OLD.person, 'preference', '', OLD.name,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 1, coalesce(max(n), 0) + 1 FROM mine WHERE person = OLD.person;
END;
CREATE TRIGGER drafts_insert AFTER INSERT ON drafts BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT NEW.person, 'draft', NEW.database, NEW.id,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 0, coalesce(max(n), 0) + 1 FROM mine WHERE person = NEW.person;
END;
CREATE TRIGGER drafts_update AFTER UPDATE ON drafts BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT NEW.person, 'draft', NEW.database, NEW.id,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 0, coalesce(max(n), 0) + 1 FROM mine WHERE person = NEW.person;
END;
CREATE TRIGGER drafts_delete AFTER DELETE ON drafts BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT OLD.person, 'draft', OLD.database, OLD.id,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 1, coalesce(max(n), 0) + 1 FROM mine WHERE person = OLD.person;
END;
CREATE TRIGGER marks_read_insert AFTER INSERT ON marks_read BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT NEW.person, CASE NEW.rev WHEN '' THEN 'unread' ELSE 'read' END, NEW.database, NEW.id,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 0, coalesce(max(n), 0) + 1 FROM mine WHERE person = NEW.person;
END;
CREATE TRIGGER marks_read_update AFTER UPDATE ON marks_read BEGIN
    INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n) SELECT NEW.person, CASE NEW.rev WHEN '' THEN 'unread' ELSE 'read' END, NEW.database, NEW.id,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 0, coalesce(max(n), 0) + 1 FROM mine WHERE person = NEW.person;
END;
