-- arrive: take over the state of schedules that came from another queue, or have a new id.
-- KEYS gen HASH configuration → generation, and `top`, the newest
-- KEYS sched HASH schedule id → cursor
-- KEYS paused HASH schedule id → until when, ms (0: for good), and why
-- KEYS fails HASH schedule id → its runs that failed in a row
-- KEYS runs HASH schedule id → its fires so far, where a limit counts them
-- ARGV config text hash of the configuration that this beat runs
-- ARGV ...schedules[id, cursor, paused, fails, runs] its state in the other place; '' for none
-- MOVES none
-- RETURNS how many were written; -1 when the configuration is not the newest
local gen, sched, paused, fails, runs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local config = ARGV[1]
local schedules, width = 2, 5
for _, hash in ipairs({sched, paused, fails, runs}) do redis.call('HLEN', hash) end
if redis.call('HGET', gen, 'top') ~= config then return -1 end
local written = 0
for i = schedules, #ARGV, width do
  local id, cursor = ARGV[i], ARGV[i + 1]
  local stored = redis.call('HGET', sched, id)
  -- Left over from an earlier stay in this queue, it may be behind: what was decided meanwhile stays decided.
  if not stored or tonumber(stored) < tonumber(cursor) then
    redis.call('HSET', sched, id, cursor)
    for place, hash in ipairs({paused, fails, runs}) do
      local value = ARGV[i + 1 + place]
      if value == '' then redis.call('HDEL', hash, id) else redis.call('HSET', hash, id, value) end
    end
    written = written + 1
  end
end
return written
