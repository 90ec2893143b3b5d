-- 0006_rollup_scans.sql
-- Everything received before `scanned_until` is in the rollups of the tenant.
CREATE TABLE IF NOT EXISTS rollup_scans
(
    tenant UInt64,
    scanned_until DateTime64(6, 'UTC'),
    timezone LowCardinality(String)
)
ENGINE = ReplacingMergeTree(scanned_until)
ORDER BY tenant
