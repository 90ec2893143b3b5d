-- 0029_rollup_meter_scans.sql
-- Everything received before `scanned_until` is in rollup_meter_days of the tenant, its days being
-- those of `timezone`, and agents delivering with `min_tasks`.
CREATE TABLE IF NOT EXISTS rollup_meter_scans
(
    tenant UInt64,
    scanned_until DateTime64(6, 'UTC'),
    timezone LowCardinality(String),
    min_tasks UInt32
)
ENGINE = ReplacingMergeTree(scanned_until)
ORDER BY tenant
