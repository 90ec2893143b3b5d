-- 0026_rollup_calls_by_task.sql
-- As of events: what a page of tasks cost is counted from their calls.
ALTER TABLE rollup_calls ADD INDEX IF NOT EXISTS by_task task TYPE bloom_filter(0.01) GRANULARITY 1
