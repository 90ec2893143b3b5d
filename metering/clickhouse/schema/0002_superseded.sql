-- 0002_superseded.sql
-- Rows of `events` that lost: another row of the same identity was received before them. Written
-- before either writer answers; rare, since a writer looks before it inserts.
CREATE TABLE IF NOT EXISTS superseded
(
    tenant UInt64,
    identity UInt64,
    commit UInt64,
    time DateTime64(6, 'UTC'),
    received_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
-- The same loser may be named by both writers; replacing keeps one, and IN does not mind two.
ENGINE = ReplacingMergeTree
ORDER BY (tenant, identity, commit)
