-- 0013_quarantine_actions.sql
-- What was done about an entry of the quarantine; the last action says what has become of it, and
-- without one it waits. The entry itself is never changed or deleted.
CREATE TABLE IF NOT EXISTS quarantine_actions
(
    tenant UInt64,
    reference UUID,
    acted_at DateTime64(6, 'UTC') DEFAULT now64(6),
    -- replayed: it is stored now; failed: a replay was refused, and it still waits; dropped.
    action LowCardinality(String),
    -- Why a replay was refused, or why the entry was dropped.
    detail String,
    -- The event as it was repaired; empty when its own bytes were replayed.
    body String,
    -- The person, key or command that did it.
    actor String
)
ENGINE = MergeTree
ORDER BY (tenant, reference, acted_at)
