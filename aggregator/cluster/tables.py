"""What the cluster needs in the database beside the store: tables, functions and the queue of procrastinate.

`make_tables` makes what is missing, once, whoever comes first. What it makes has a revision of its own; a later one
only adds, so that workers of an older program go on beside newer ones.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from aggregator.cluster.connections import explained
from aggregator.errors import StoreError

#: A number of our own for `pg_advisory_xact_lock`, held while tables are made.
_LOCK = 0x6167_6772_7461_626C

#: The leases of `cluster.leases`, one row for each registrable domain. One row is one lock, and nothing in it that
#: changes has an index, so that an update stays on its page (HOT); the room for that is left free.
_LEASES = """
CREATE TABLE cluster_domains (
    domain text COLLATE "C" NOT NULL PRIMARY KEY,
    -- The leases: for each its number, and when it ends by itself.
    held bigint[] NOT NULL DEFAULT '{}',
    held_until timestamptz[] NOT NULL DEFAULT '{}',
    -- Who waits for one, the first one first: its number, and when it must have come back to keep its place.
    line bigint[] NOT NULL DEFAULT '{}',
    line_until timestamptz[] NOT NULL DEFAULT '{}',
    -- When the last lease began, and before when, as it said, no other one may.
    began_at timestamptz NOT NULL DEFAULT '-infinity',
    opens_at timestamptz NOT NULL DEFAULT '-infinity',
    -- Seconds between two beginnings (Crawl-delay), and until when that is known.
    delay double precision NOT NULL DEFAULT 0,
    delay_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

-- Take a lease, or a place in the line. `outcome`: 't' taken, 'w' wait, 'l' the host is left alone. `told`: within how
-- many seconds the request must begin; after how many to come again; until when, as Unix time. `ahead`: how many wait
-- before this one.
--
-- The row is locked first. What is read afterwards is what others had committed when they let it go.
CREATE FUNCTION cluster_take(
    of_domain text, of_host text, slots integer, between_starts double precision, seconds double precision,
    lateness double precision, token bigint, tries integer,
    OUT outcome text, OUT told double precision, OUT ahead integer
) LANGUAGE plpgsql AS $$
DECLARE
    d cluster_domains%ROWTYPE;
    moment timestamptz;
    spacing double precision;
    opens timestamptz;
    free integer;
    place integer;
BEGIN
    LOOP
        SELECT * INTO d FROM cluster_domains c WHERE c.domain = of_domain FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO cluster_domains (domain) VALUES (of_domain) ON CONFLICT DO NOTHING;
    END LOOP;
    moment := clock_timestamp();
    ahead := 0;
    IF token = ANY (d.held) THEN
        -- The answer was lost, and the question is repeated.
        outcome := 't';
        told := lateness;
        RETURN;
    END IF;
    IF d.held <> '{}' THEN
        SELECT coalesce(array_agg(h ORDER BY n), '{}'), coalesce(array_agg(u ORDER BY n), '{}')
        INTO d.held, d.held_until
        FROM unnest(d.held, d.held_until) WITH ORDINALITY AS one (h, u, n) WHERE u > moment;
    END IF;
    IF d.line <> '{}' THEN
        SELECT coalesce(array_agg(h ORDER BY n), '{}'), coalesce(array_agg(u ORDER BY n), '{}')
        INTO d.line, d.line_until
        FROM unnest(d.line, d.line_until) WITH ORDINALITY AS one (h, u, n) WHERE u > moment OR h = token;
    END IF;
    place := coalesce(array_position(d.line, token), cardinality(d.line) + 1);

    SELECT w.until INTO told FROM host_waits w WHERE w.host = of_host AND w.until > extract(epoch FROM moment);
    IF FOUND THEN
        outcome := 'l';
        IF place <= cardinality(d.line) THEN
            UPDATE cluster_domains c
            SET line = d.line[:place - 1] || d.line[place + 1:],
                line_until = d.line_until[:place - 1] || d.line_until[place + 1:]
            WHERE c.domain = of_domain;
        END IF;
        RETURN;
    END IF;

    spacing := greatest(between_starts, CASE WHEN d.delay_until > moment THEN d.delay ELSE 0 END);
    opens := greatest(d.opens_at, d.began_at + make_interval(secs => spacing));
    free := slots - cardinality(d.held);
    ahead := place - 1;
    IF opens <= moment AND ahead < free AND (ahead = 0 OR spacing = 0) THEN
        outcome := 't';
        told := CASE WHEN spacing > 0 THEN lateness ELSE seconds END;
        -- A request that begins late must not come too close to the next one.
        UPDATE cluster_domains c
        SET held = d.held || token,
            held_until = d.held_until || moment + make_interval(secs => seconds),
            line = d.line[:place - 1] || d.line[place + 1:],
            line_until = d.line_until[:place - 1] || d.line_until[place + 1:],
            began_at = moment,
            opens_at = CASE WHEN spacing > 0 THEN moment + make_interval(secs => spacing + lateness) ELSE moment END
        WHERE c.domain = of_domain;
        RETURN;
    END IF;

    outcome := 'w';
    IF ahead < free THEN
        -- It is known when the next one may begin.
        told := greatest(0.01, extract(epoch FROM opens - moment) + ahead * spacing);
    ELSE
        -- Nobody knows when a lease is given back: the longer that takes, the longer the pauses.
        told := least(1.0, 0.03 * 1.6 ^ least(tries, 10)) * least(ahead - free + 1, 3);
    END IF;
    UPDATE cluster_domains c
    SET line = CASE WHEN place > cardinality(d.line) THEN d.line || token ELSE d.line END,
        line_until = d.line_until[:place - 1] || moment + make_interval(secs => told * 1.25 + 2)
            || d.line_until[place + 1:]
    WHERE c.domain = of_domain;
END $$;

-- Give a lease back, or a place in the line.
CREATE FUNCTION cluster_give_back(of_domain text, token bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE cluster_domains c
    SET held = array_remove(c.held, token),
        held_until = CASE WHEN token = ANY (c.held) THEN c.held_until[:array_position(c.held, token) - 1]
            || c.held_until[array_position(c.held, token) + 1:] ELSE c.held_until END,
        line = array_remove(c.line, token),
        line_until = CASE WHEN token = ANY (c.line) THEN c.line_until[:array_position(c.line, token) - 1]
            || c.line_until[array_position(c.line, token) + 1:] ELSE c.line_until END
    WHERE c.domain = of_domain AND (token = ANY (c.held) OR token = ANY (c.line));
$$;

-- Do several of these at once; without a host, give back. `number` counts the questions from 1. Domains are locked in
-- one order by all, so that nobody waits for each other.
CREATE FUNCTION cluster_leases(
    domains text[], hosts text[], slots integer[], spacings double precision[], seconds double precision[],
    lateness double precision[], tokens bigint[], tries integer[],
    OUT number bigint, OUT outcome text, OUT told double precision, OUT ahead integer
) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    one record;
    taken boolean := false;
BEGIN
    FOR one IN
        SELECT * FROM unnest(domains, hosts, slots, spacings, seconds, lateness, tokens, tries)
            WITH ORDINALITY AS asked (domain, host, slots, spacing, seconds, lateness, token, tries, number)
        ORDER BY asked.domain, asked.host NULLS FIRST
    LOOP
        IF one.host IS NULL THEN
            PERFORM cluster_give_back(one.domain, one.token);
            CONTINUE;
        END IF;
        number := one.number;
        SELECT t.outcome, t.told, t.ahead INTO outcome, told, ahead FROM cluster_take(
            one.domain, one.host, one.slots, one.spacing, one.seconds, one.lateness, one.token, one.tries
        ) AS t;
        taken := taken OR outcome = 't';
        RETURN NEXT;
    END LOOP;
    IF NOT taken THEN
        -- If the database forgets the rest, leases end by themselves, and places in the line are taken again.
        PERFORM set_config('synchronous_commit', 'off', true);
    ELSIF current_setting('synchronous_commit') = 'off' THEN
        -- A lease that the database forgets is no lease.
        PERFORM set_config('synchronous_commit', 'local', true);
    END IF;
END $$;
"""

#: The workers of the cluster, and facts that all of them share, by name.
_WORKERS = """
CREATE TABLE cluster_workers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    -- Digest of its configuration; see cluster.inforce.
    config text NOT NULL,
    -- What it does: working, or what it waits for.
    state text NOT NULL,
    publishes boolean NOT NULL,
    -- Jobs that it runs at once.
    places integer NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Sources that it has updated, and entries that it has stored; sources in a minute, lately.
    sources bigint NOT NULL DEFAULT 0,
    entries bigint NOT NULL DEFAULT 0,
    rate double precision NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE cluster_facts (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    value text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""

_THERE = "SELECT 1 FROM pg_class WHERE relname = %s AND relkind = 'r' AND pg_table_is_visible(oid)"

#: What each revision adds.
_REVISIONS = (_LEASES, _WORKERS)

#: The revision that this program knows.
REVISION = len(_REVISIONS)


#: Whoever takes a job looks for others with the same lock. Without an index, that is all of the queue for each job.
_LOCKS = """
CREATE INDEX IF NOT EXISTS cluster_jobs_lock ON procrastinate_jobs (lock) WHERE status IN ('todo', 'doing')
"""

#: Name of the fact that has the version of procrastinate that made or migrated its tables last.
_QUEUE = "queue"
_RECORD_QUEUE = """
INSERT INTO cluster_facts (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


async def make_tables(pool: AsyncConnectionPool[Any]) -> int:
    """Make what is missing, and return the revision of the database: this program's, or a newer one.

    Raises:
        ConnectionLost: the database went away.
        StoreError: it could not be made.
    """
    with explained():
        async with pool.connection() as connection:
            if (found := await _revision(connection)) >= REVISION and await _queue_is_current(connection):
                return found
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                # Another one may have made them while this one waited.
                found = await _revision(connection)
                for made in _REVISIONS[found:]:
                    await connection.execute(made)
                if found < REVISION:
                    await _record(connection, REVISION)
                await _make_queue(connection)
            return max(found, REVISION)


async def _revision(connection: psycopg.AsyncConnection[Any]) -> int:
    """Return the revision of the database; 0: nothing is there."""
    if await _is_there(connection, "cluster_revision"):
        cursor = await connection.execute("SELECT revision FROM cluster_revision")
        if row := await cursor.fetchone():
            return int(row[0])
    return 0


async def _record(connection: psycopg.AsyncConnection[Any], revision: int) -> None:
    await connection.execute("CREATE TABLE IF NOT EXISTS cluster_revision (revision integer NOT NULL)")
    await connection.execute("DELETE FROM cluster_revision")
    await connection.execute("INSERT INTO cluster_revision VALUES (%s)", [revision])


async def _queue_is_current(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether this procrastinate need not change its tables.

    Raises:
        StoreError: a newer one has changed them.
    """
    there, own = await _queue_version(connection), _own_version()
    if there > own:
        newer, older = (".".join(map(str, one)) for one in (there, own))
        raise StoreError(
            f"the tables of the queue are those of procrastinate {newer}, and {older} is installed here; "
            "install the newer one"
        )
    return there == own


async def _queue_version(connection: psycopg.AsyncConnection[Any]) -> tuple[int, ...]:
    cursor = await connection.execute("SELECT value FROM cluster_facts WHERE name = %s", [_QUEUE])
    row = await cursor.fetchone()
    return _version(row[0]) if row else ()


async def _make_queue(connection: psycopg.AsyncConnection[Any]) -> None:
    """Make the tables of procrastinate, or migrate those of an older one."""
    from procrastinate.schema import SchemaManager

    own = _own_version()
    if not await _is_there(connection, "procrastinate_jobs"):
        await connection.execute(SchemaManager.get_schema())
    elif not await _queue_is_current(connection):
        before = await _queue_version(connection)
        for script in _migrations(Path(SchemaManager.get_migrations_path()), before, own):
            await connection.execute(script)
    await connection.execute(_LOCKS)
    await connection.execute(_RECORD_QUEUE, [_QUEUE, ".".join(map(str, own))])


def _migrations(folder: Path, before: tuple[int, ...], own: tuple[int, ...]) -> list[bytes]:
    """Return what brings the tables of one version of procrastinate to those of another, in order."""
    found = sorted(folder.glob("*.sql")) if before else []
    return [path.read_bytes() for path in found if before < _version(path.name.partition("_")[0]) <= own]


def _own_version() -> tuple[int, ...]:
    return _version(version("procrastinate"))


def _version(text: str) -> tuple[int, ...]:
    """Return the first three numbers of a version."""
    return tuple(int(number) for number in re.findall("[0-9]+", text)[:3])


async def _is_there(connection: psycopg.AsyncConnection[Any], table: str) -> bool:
    # `to_regclass` may answer from a cache as of the beginning of the transaction, before the lock was had.
    cursor = await connection.execute(_THERE, [table])
    return await cursor.fetchone() is not None
