-- 0001_events.sql
-- One row per accepted event; each type fills its own columns, the others compress to nothing.
--
-- Plain MergeTree on purpose: merges never change what a query sees, so totals are the same before
-- and after them and nothing needs FINAL. That the first event received under an identity wins is
-- kept by the writer (metering/clickhouse/commit.py): it looks the identity up, inserts, looks again, and names
-- the losers of a race between two writers in `superseded`, which every query leaves out.
--
-- The look-up by identity is a projection, not a second table: it is part of the same data part,
-- so the row and the mark that it was seen cannot disagree, whatever is killed when.
CREATE TABLE IF NOT EXISTS events
(
    tenant UInt64,
    type LowCardinality(String),
    time DateTime64(6, 'UTC'),
    source LowCardinality(String),
    id String,
    -- 64 bits of (source, id) to find it by, and of everything else to tell a resend from a conflict.
    identity UInt64,
    content UInt64,
    -- One random number per insert: (identity, commit) names a row. The clock is the store's own.
    commit UInt64,
    received_at DateTime64(6, 'UTC') DEFAULT now64(6),

    agent String,
    task String,
    labels Map(LowCardinality(String), String),

    -- agent.task; status also agent.tool
    status LowCardinality(String),
    started_at Nullable(DateTime64(6, 'UTC')),
    ended_at Nullable(DateTime64(6, 'UTC')),
    parent_task String,
    session String,
    fingerprint String,

    -- agent.tokens; model also agent.cache, duration_ms also agent.tool
    provider LowCardinality(String),
    model LowCardinality(String),
    modality LowCardinality(String),
    service_tier LowCardinality(String),
    attempt UInt32,
    input_tokens UInt64,
    cache_read_tokens UInt64,
    cache_write_tokens UInt64,
    cache_write_long_tokens UInt64,
    output_tokens UInt64,
    reasoning_tokens UInt64,
    prefix_blocks Array(String),
    block_tokens UInt64,
    duration_ms Nullable(UInt64),

    -- agent.cache
    cache LowCardinality(String),
    hit Bool,
    saved_tokens UInt64,

    -- agent.chip; started_at and ended_at as above
    chip LowCardinality(String),
    phase LowCardinality(String),
    region LowCardinality(String),
    count Decimal(38, 18),

    -- agent.tool
    tool LowCardinality(String),
    units Decimal(38, 18),

    -- custom.*
    value Decimal(38, 18),

    -- Identities are random, so each one looked up costs a granule: small ones keep a look-up
    -- of thousands from reading every identity of a large tenant.
    PROJECTION by_identity
    (
        SELECT tenant, identity, source, id, content, commit, received_at, time
        ORDER BY tenant, identity
    ) WITH SETTINGS (index_granularity = 512),
    -- What arrived since a moment, wherever in time it belongs.
    INDEX received received_at TYPE minmax GRANULARITY 1,
    -- An interval may reach into a period from an event outside of it.
    INDEX interval_end ended_at TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
-- Every query names a tenant, most name a type, then a range of time. Source and id make the order
-- total, so that a page of events can be continued where it stopped.
ORDER BY (tenant, type, time, source, id)
