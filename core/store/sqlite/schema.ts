/*
 * The tables. A later version adds a migration at the end and never changes one that has been shipped: the number of
 * them is the schema's version, kept in the file's `user_version`.
 */

export type Migration = string;

/** "BNCL": a SQLite file that has another one is not ours. */
export const applicationId = 0x424e434c;

export const migrations: readonly Migration[] = [
  `
  CREATE TABLE record (
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, revision INTEGER NOT NULL, lease TEXT,
    PRIMARY KEY (kind, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX record_lease ON record (lease) WHERE lease IS NOT NULL;
  -- Bytes of index-value.ts.
  CREATE TABLE entry (
    kind TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (kind, name, value, key)
  ) STRICT, WITHOUT ROWID;
  -- Indexes whose entries are complete.
  CREATE TABLE built (kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;
  -- What watches are told; the oldest go. A value that is NULL: the record was deleted.
  CREATE TABLE history (
    revision INTEGER NOT NULL, place INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT,
    PRIMARY KEY (revision, place)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lease (id TEXT NOT NULL PRIMARY KEY, ttl_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  -- One row: the newest revision, and the newest one that history has forgotten.
  CREATE TABLE state (revision INTEGER NOT NULL, forgotten INTEGER NOT NULL) STRICT;
  INSERT INTO state VALUES (0, 0);
  `,
];
