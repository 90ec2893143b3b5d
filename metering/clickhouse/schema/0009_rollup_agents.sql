-- 0009_rollup_agents.sql
-- Which agents did anything in an hour, and on which of the tenant's days.
CREATE TABLE IF NOT EXISTS rollup_agents
(
    tenant UInt64,
    hour DateTime('UTC'),
    generation UInt64,
    day Date,
    agent String,
    events UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (tenant, hour, generation, agent, day)
