-- 0024_rollup_ledger.sql
-- One line for each task: all that its own events say, wherever in time they stand. A line is a
-- function of the events received before the moment its generation begins with; of several lines of
-- a task the one with the highest generation counts, so two writers cannot harm each other and a
-- line that was written is complete. A task that lost its last event has a line of no events.
--
-- The projections find the lines of a task and of a parent's sub-tasks, and are part of the same
-- data part: a line that is found by its place is found by its task as well, whatever is killed.
CREATE TABLE IF NOT EXISTS rollup_ledger
(
    tenant UInt64,
    -- When the outcome happened; of an open task, when its last event did.
    place DateTime64(6, 'UTC'),
    task String,
    generation UInt64,
    -- succeeded, failed, cancelled or open; those below are of the outcome, or of the last event
    status LowCardinality(String),
    agent String,
    parent_task String,
    session String,
    fingerprint String,
    labels Map(LowCardinality(String), String),
    started_at DateTime64(6, 'UTC'),
    ended_at Nullable(DateTime64(6, 'UTC')),

    -- Where its events are.
    first_time DateTime64(6, 'UTC'),
    last_time DateTime64(6, 'UTC'),
    hours Array(DateTime('UTC')),

    event_count UInt64,
    requests UInt64,
    input_tokens UInt128,
    cache_read_tokens UInt128,
    cache_write_tokens UInt128,
    cache_write_long_tokens UInt128,
    output_tokens UInt128,
    reasoning_tokens UInt128,
    models Array(LowCardinality(String)),
    cache_lookups UInt64,
    cache_hits UInt64,
    saved_tokens UInt128,
    -- count × microseconds, as everywhere
    chip_active Decimal(76, 18),
    chip_idle Decimal(76, 18),
    chip_cold_start Decimal(76, 18),
    tool_calls UInt64,
    tool_errors UInt64,

    PROJECTION by_task
    (
        SELECT tenant, task, generation, place, event_count, hours
        ORDER BY tenant, task
    ) WITH SETTINGS (index_granularity = 512),
    PROJECTION by_parent
    (
        SELECT tenant, parent_task, task, generation
        ORDER BY tenant, parent_task
    ) WITH SETTINGS (index_granularity = 512)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(place)
-- The ledger is read by place, newest first, and continued after the last (place, task) seen.
ORDER BY (tenant, place, task)
-- A page is a hundred lines: small granules keep it from reading eighty times as many.
SETTINGS index_granularity = 1024
