-- 0012_intake.sql
-- What came to the door, one row for each commit, written before anybody is answered. What became
-- of it is read from the tables that hold it, so that the two can be compared: docs/decisions/0010.
CREATE TABLE IF NOT EXISTS intake
(
    tenant UInt64,
    -- Of the store's own clock, which has nothing to do with when the events happened.
    hour DateTime('UTC') DEFAULT toStartOfHour(now('UTC')),
    -- The commit of the rows in `events`, or the batch of those in `trace_spans`.
    commit UInt64,
    -- events: what clients sent; spans: the same by OTLP, rows of `trace_spans`; derived: rows of
    -- `events` made of spans, which came to no door a second time.
    kind LowCardinality(String),
    -- received = stored + duplicates + length(refused), except for derived rows.
    received UInt64,
    stored UInt64,
    duplicates UInt64,
    conflicts UInt64,
    -- The references in `quarantine`.
    refused Array(UUID),
    -- The identities of events that were known already: the first of each has to be in `events`.
    known Array(UInt64),
    unmetered UInt64,
    -- Of `received`, what came out of the quarantine and not from a client.
    replayed UInt64,
    -- Whoever wrote the rows was killed before it answered; this row was added for it.
    recovered Bool
)
-- A row that is added for a killed writer may be added by two workers.
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(hour)
-- Read by tenant and range of hours.
ORDER BY (tenant, hour, commit, recovered)
