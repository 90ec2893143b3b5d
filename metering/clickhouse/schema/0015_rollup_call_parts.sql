-- 0015_rollup_call_parts.sql
-- As in `events`.
ALTER TABLE rollup_calls
    ADD COLUMN IF NOT EXISTS part UInt32 DEFAULT 1,
    ADD COLUMN IF NOT EXISTS other_prompt_tokens UInt64
