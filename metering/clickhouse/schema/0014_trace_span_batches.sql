-- 0014_trace_span_batches.sql
-- Which request a span was kept by, so that what was kept can be compared with what came in.
ALTER TABLE trace_spans ADD COLUMN IF NOT EXISTS batch UInt64
