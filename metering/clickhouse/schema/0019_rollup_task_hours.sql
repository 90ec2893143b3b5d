-- 0019_rollup_task_hours.sql
-- The hours in which a task has events: which days to derive again when one of them moves its
-- outcome. Only a place to look at, so an hour too many, or a hash of two tasks, does no harm.
CREATE TABLE IF NOT EXISTS rollup_task_hours
(
    tenant UInt64,
    task UInt64,
    hour DateTime('UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, task, hour)
-- Tasks are looked up one by one, each somewhere else.
SETTINGS index_granularity = 512
