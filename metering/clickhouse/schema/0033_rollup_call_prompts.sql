-- 0033_rollup_call_prompts.sql
-- The first block of a call's prompt, mostly a system prompt: what is computed again is told by it.
-- Rows of before have none until their hours are derived anew.
ALTER TABLE rollup_calls ADD COLUMN IF NOT EXISTS prompt String
