-- 0015_event_parts.sql
-- A call of several modalities is an event for each. `part` tells the first, which is the request,
-- from the further ones; `other_prompt_tokens` is what the prompt held in the call's other events, for
-- prices that go by the length of the whole.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS part UInt32 DEFAULT 1,
    ADD COLUMN IF NOT EXISTS other_prompt_tokens UInt64
