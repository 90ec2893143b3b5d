-- 0011_amended.sql
-- Rows of `events` that a row received later replaced: it knows more of the same call or task.
-- A row in `superseded` never counts; one in here counts for whoever asks about what was received
-- before `amended_at`, when its replacement arrived. So an invoice's proof stands.
CREATE TABLE IF NOT EXISTS amended
(
    tenant UInt64,
    identity UInt64,
    commit UInt64,
    time DateTime64(6, 'UTC'),
    amended_at DateTime64(6, 'UTC'),
    received_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
-- Several writers may name the same row with different replacements; the earliest counts, so none
-- may be lost: `amended_at` is part of the key.
ENGINE = ReplacingMergeTree
ORDER BY (tenant, identity, commit, amended_at)
