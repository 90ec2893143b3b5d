-- 0008_rollup_tasks.sql
-- The last agent.task event of each task within each hour; the last over all hours is its outcome.
CREATE TABLE IF NOT EXISTS rollup_tasks
(
    tenant UInt64,
    hour DateTime('UTC'),
    generation UInt64,
    task String,
    time DateTime64(6, 'UTC'),
    source LowCardinality(String),
    id String,
    agent String,
    status LowCardinality(String),
    parent_task String,
    session String,
    fingerprint String,
    labels Map(LowCardinality(String), String)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(hour)
-- As rollup_calls, then by task, which is what its readers group by.
ORDER BY (tenant, hour, generation, task)
