-- 0005_rollup_generations.sql
-- Which generation of an hour's derived rows is the valid one: the highest. A generation is written
-- whole into the rollup_ tables first and named here last, so readers see all of it or none; two
-- workers, or a killed one, leave at most rows that nobody reads.
CREATE TABLE IF NOT EXISTS rollup_generations
(
    tenant UInt64,
    hour DateTime('UTC'),
    generation UInt64,
    -- Days of agents are local to the tenant; another zone makes the generation stale.
    timezone LowCardinality(String)
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (tenant, hour)
