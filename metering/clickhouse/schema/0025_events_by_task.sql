-- 0025_events_by_task.sql
-- The events of one task, or of the hundred on a page, without reading the column of a whole month.
ALTER TABLE events ADD INDEX IF NOT EXISTS by_task task TYPE bloom_filter(0.01) GRANULARITY 1
