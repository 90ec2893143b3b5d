-- 0010_trace_spans.sql
-- What is kept of every span that came in, written before any event is made of it. An event of a
-- span is derived from the spans known so far and corrected when more are, so whatever is killed,
-- deriving it again gives the same.
CREATE TABLE IF NOT EXISTS trace_spans
(
    tenant UInt64,
    trace String,
    span String,
    parent String,
    -- The type of event the span becomes; empty for one that only links its children to its parent.
    type LowCardinality(String),
    agent String,
    service LowCardinality(String),
    session String,
    response String,
    told_by UInt8,
    body String,
    received_at DateTime64(6, 'UTC') DEFAULT now64(6),

    -- Two spans of one call need not share a trace.
    PROJECTION by_response
    (
        SELECT tenant, response, trace ORDER BY tenant, response
    ),
    -- What arrived since a moment, for whoever was killed before its events were made.
    INDEX received received_at TYPE minmax GRANULARITY 1
)
-- Rows never replace each other: their number says which of two answers knew more.
ENGINE = MergeTree
-- So that old traces can be dropped; events do not need them any more.
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant, trace, span)
