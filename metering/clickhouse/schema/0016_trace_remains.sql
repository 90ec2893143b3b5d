-- 0016_trace_remains.sql
-- What is left of spans that were dropped for their age: 16 bytes of each call that knows its response,
-- so that another span of it is not taken for another call, and of each trace that lost some of its
-- spans and not others, so that what is still known does not overrule what was known. Written before
-- the spans go.
CREATE TABLE IF NOT EXISTS trace_remains
(
    tenant UInt64,
    -- The digest of a response, or a trace: 32 hexadecimal digits either way, and no two alike.
    key String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, key)
