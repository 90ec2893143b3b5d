-- 0003_conflicts.sql
-- Resends whose content differs from what was stored first. They change no total.
CREATE TABLE IF NOT EXISTS conflicts
(
    tenant UInt64,
    source String,
    id String,
    -- A digest of the bytes: what is sent again unchanged is the same entry.
    reference UUID,
    received_at DateTime64(6, 'UTC') DEFAULT now64(6),
    body String
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, source, id, reference)
