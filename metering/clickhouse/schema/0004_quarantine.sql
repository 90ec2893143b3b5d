-- 0004_quarantine.sql
-- Events that could not be accepted, with their bytes and the reason, so that they can be repaired.
CREATE TABLE IF NOT EXISTS quarantine
(
    tenant UInt64,
    -- A digest of the bytes: what is sent again unchanged is the same entry.
    reference UUID,
    received_at DateTime64(6, 'UTC') DEFAULT now64(6),
    source String,
    id String,
    detail String,
    body String
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, reference)
