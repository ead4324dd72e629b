"""The schema as an append-only list of migrations, each applied in one transaction with its own record.

Money is kept in whole picodollars (1e-12 USD), so that no sum depends on the order of its parts.
"""

APPLICATION_ID = 0x6C616E65  # "lane"

FIRST = (
    """CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT""",
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        recipe TEXT NOT NULL,
        recipe_sha256 TEXT NOT NULL,
        description TEXT NOT NULL,
        repo TEXT NOT NULL,
        repo_name TEXT NOT NULL,
        commit_sha TEXT,
        branch TEXT,
        model TEXT NOT NULL,
        output TEXT NOT NULL,
        policy TEXT NOT NULL,
        estimate TEXT NOT NULL,
        cache_mode TEXT NOT NULL CHECK (cache_mode IN ('1h', '5m', 'off')),
        prefix_sha256 TEXT NOT NULL,
        prefix_bytes INTEGER NOT NULL,
        form TEXT NOT NULL,
        artifacts TEXT NOT NULL,
        reserved_pico INTEGER,
        created_at TEXT NOT NULL,
        held_reason TEXT,
        held_hint TEXT,
        canceled_at TEXT,
        dropped_at TEXT,
        pulled_at TEXT
    ) STRICT""",
    """CREATE INDEX runs_by_time ON runs (created_at)""",
    """CREATE TABLE jobs (
        run TEXT NOT NULL REFERENCES runs (id),
        n INTEGER NOT NULL,
        key TEXT NOT NULL,
        digest TEXT NOT NULL,
        offset INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        outcome TEXT,
        attempt INTEGER,
        PRIMARY KEY (run, n),
        UNIQUE (run, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE INDEX jobs_by_digest ON jobs (digest)""",
    """CREATE TABLE skips (
        run TEXT NOT NULL REFERENCES runs (id),
        n INTEGER NOT NULL,
        key TEXT NOT NULL,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (run, n)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE attempts (
        run TEXT NOT NULL REFERENCES runs (id),
        number INTEGER NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('pilot', 'main', 'retry')),
        state TEXT NOT NULL CHECK (state IN
            ('intent', 'sending', 'unknown', 'accepted', 'refused', 'absent', 'ended', 'pulled')),
        requests INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        cache_mode TEXT NOT NULL CHECK (cache_mode IN ('1h', '5m', 'off')),
        max_tokens INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        sha256 TEXT,
        base_url TEXT,
        workspace TEXT,
        key_print TEXT,
        snapshot_id TEXT,
        skew_s REAL,
        sending_at TEXT,
        boot_id TEXT,
        answered_at TEXT,
        batch_id TEXT UNIQUE,
        request_id TEXT,
        processing_status TEXT,
        batch_created_at TEXT,
        expires_at TEXT,
        ended_at TEXT,
        archived_at TEXT,
        counts TEXT,
        not_before TEXT,
        error TEXT,
        looks INTEGER NOT NULL DEFAULT 0,
        first_look_at TEXT,
        last_look_at TEXT,
        not_found INTEGER NOT NULL DEFAULT 0,
        first_not_found_at TEXT,
        fetches INTEGER NOT NULL DEFAULT 0,
        first_fetch_at TEXT,
        results_sha256 TEXT,
        replaced_by INTEGER,
        late INTEGER NOT NULL DEFAULT 0,
        pulled_at TEXT,
        PRIMARY KEY (run, number),
        CHECK (batch_id IS NOT NULL OR state NOT IN ('accepted', 'ended', 'pulled'))
    ) STRICT, WITHOUT ROWID""",
    """CREATE INDEX attempts_open ON attempts (state)""",
    """CREATE TABLE sendings (
        custom_id TEXT PRIMARY KEY,
        run TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        job INTEGER NOT NULL,
        UNIQUE (run, attempt, job),
        FOREIGN KEY (run, attempt) REFERENCES attempts (run, number),
        FOREIGN KEY (run, job) REFERENCES jobs (run, n)
    ) STRICT, WITHOUT ROWID""",
    """CREATE INDEX sendings_by_job ON sendings (run, job, attempt)""",
    """CREATE TABLE candidates (
        run TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        batch_id TEXT NOT NULL,
        first_seen_at TEXT NOT NULL,
        looks INTEGER NOT NULL,
        batch_created_at TEXT NOT NULL,
        verdict TEXT NOT NULL CHECK (verdict IN ('open', 'ours', 'foreign')),
        PRIMARY KEY (run, attempt, batch_id),
        FOREIGN KEY (run, attempt) REFERENCES attempts (run, number)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE answers (
        run TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        job INTEGER NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('succeeded', 'errored', 'expired', 'canceled', 'refused',
            'truncated', 'invalid', 'unreadable', 'missing')),
        stop_reason TEXT,
        error_type TEXT,
        error_message TEXT,
        request_id TEXT,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        cache_read_tokens INTEGER NOT NULL,
        cache_write_5m_tokens INTEGER NOT NULL,
        cache_write_1h_tokens INTEGER NOT NULL,
        thinking_tokens INTEGER NOT NULL,
        service_tier TEXT,
        inference_geo TEXT,
        cost_pico INTEGER,
        list_pico INTEGER,
        uncached_pico INTEGER,
        headline TEXT NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (run, job, attempt),
        FOREIGN KEY (run, attempt) REFERENCES attempts (run, number)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE artifacts (
        run TEXT NOT NULL,
        job INTEGER NOT NULL,
        path TEXT NOT NULL,
        first INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (run, job, path),
        UNIQUE (run, path),
        FOREIGN KEY (run, job) REFERENCES jobs (run, n)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE findings (
        run TEXT NOT NULL,
        job INTEGER NOT NULL,
        n INTEGER NOT NULL,
        severity TEXT NOT NULL,
        path TEXT NOT NULL,
        line INTEGER NOT NULL,
        end_line INTEGER NOT NULL,
        title TEXT NOT NULL,
        detail TEXT NOT NULL,
        suggestion TEXT NOT NULL,
        category TEXT NOT NULL,
        in_diff INTEGER NOT NULL,
        PRIMARY KEY (run, job, n),
        FOREIGN KEY (run, job) REFERENCES jobs (run, n)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        run TEXT NOT NULL,
        at TEXT NOT NULL,
        text TEXT NOT NULL
    ) STRICT""",
    """CREATE INDEX events_by_run ON events (run)""",
)

# Single calls: those that wait to be batched, and those that somebody waited for.
SECOND = (
    """CREATE TABLE prefixes (
        id TEXT PRIMARY KEY,
        shared TEXT NOT NULL,
        place TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE queue (
        id TEXT PRIMARY KEY,
        key TEXT UNIQUE,
        prefix TEXT NOT NULL,
        digest TEXT NOT NULL,
        own TEXT,
        title TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('waiting', 'late', 'sending', 'sent', 'answered', 'lost', 'dropped')),
        queued_at TEXT NOT NULL,
        deadline_at TEXT,
        settled_at TEXT,
        run TEXT,
        job INTEGER,
        artifact TEXT,
        error TEXT,
        CHECK (own IS NOT NULL OR state NOT IN ('waiting', 'late', 'sending')),
        CHECK (run IS NOT NULL OR state != 'sent'),
        FOREIGN KEY (run, job) REFERENCES jobs (run, n)
    ) STRICT, WITHOUT ROWID""",
    """CREATE INDEX queue_by_state ON queue (state)""",
    """CREATE TABLE calls (
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        verb TEXT NOT NULL CHECK (verb IN ('ask', 'try', 'queue')),
        model TEXT NOT NULL,
        base_url TEXT,
        state TEXT NOT NULL CHECK (state IN ('sending', 'answered', 'interrupted', 'failed')),
        request_id TEXT,
        input_tokens INTEGER NOT NULL DEFAULT 0,
        output_tokens INTEGER NOT NULL DEFAULT 0,
        cache_read_tokens INTEGER NOT NULL DEFAULT 0,
        cache_write_5m_tokens INTEGER NOT NULL DEFAULT 0,
        cache_write_1h_tokens INTEGER NOT NULL DEFAULT 0,
        cost_pico INTEGER
    ) STRICT""",
    """CREATE INDEX calls_by_time ON calls (at)""",
)

# Who is to be told what. Triggers write the notices, so that none is missing for anything that was committed;
# the names of targets are those of the recipe, as it was when the run was planned.
_TO_TELL = "INSERT INTO notices (target, run, kind, at) SELECT DISTINCT value, NEW.id"
THIRD = (
    """CREATE TABLE messages (
        id TEXT PRIMARY KEY,
        target TEXT NOT NULL,
        title TEXT NOT NULL,
        body TEXT NOT NULL,
        created_at TEXT NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0,
        not_before TEXT NOT NULL,
        sent_at TEXT,
        dropped_at TEXT,
        error TEXT
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE notices (
        id INTEGER PRIMARY KEY,
        target TEXT NOT NULL,
        run TEXT NOT NULL REFERENCES runs (id),
        kind TEXT NOT NULL CHECK (kind IN ('settled', 'held', 'late')),
        at TEXT NOT NULL,
        message TEXT REFERENCES messages (id)
    ) STRICT""",
    """CREATE INDEX notices_untold ON notices (target) WHERE message IS NULL""",
    f"""CREATE TRIGGER tell_settled AFTER UPDATE OF pulled_at ON runs
    WHEN OLD.pulled_at IS NULL AND NEW.pulled_at IS NOT NULL BEGIN
        {_TO_TELL}, 'settled', NEW.pulled_at FROM json_each(NEW.policy, '$.notify');
    END""",
    f"""CREATE TRIGGER tell_held AFTER UPDATE OF held_reason ON runs
    WHEN OLD.held_reason IS NULL AND NEW.held_reason IS NOT NULL BEGIN
        {_TO_TELL}, 'held', strftime('%Y-%m-%dT%H:%M:%S+00:00') FROM json_each(NEW.policy, '$.notify');
    END""",
    f"""CREATE TRIGGER tell_held_at_once AFTER INSERT ON runs
    WHEN NEW.held_reason IS NOT NULL BEGIN
        {_TO_TELL}, 'held', NEW.created_at FROM json_each(NEW.policy, '$.notify');
    END""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (FIRST, SECOND, THIRD)
VERSION = len(MIGRATIONS)
