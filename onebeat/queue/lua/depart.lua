-- depart: forget schedules that went to another queue or were pruned, if their cursors did not move since.
-- KEYS gen HASH configuration → generation, and `top`, the newest
-- KEYS sched HASH schedule id → cursor
-- KEYS next ZSET schedule id → next nominal ms
-- KEYS paused HASH schedule id → until when, ms (0: for good), and why
-- KEYS fails HASH schedule id → its runs that failed in a row
-- KEYS runs HASH schedule id → its fires so far, where a limit counts them
-- ARGV config text hash of the configuration that this beat runs
-- ARGV settled int 1: nothing is left in this queue that the configuration has elsewhere
-- ARGV ...schedules[id, cursor] cursor: as it was read; '' keeps the cursor of a schedule that is not declared
-- MOVES none
-- RETURNS how many were forgotten; none when the configuration is not the newest
local gen, sched, next, paused, fails, runs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local config, settled = ARGV[1], ARGV[2]
local schedules, width = 3, 2
for _, hash in ipairs({sched, paused, fails, runs}) do redis.call('HLEN', hash) end
redis.call('ZCARD', next)
if redis.call('HGET', gen, 'top') ~= config then return 0 end
local forgotten = 0
for i = schedules, #ARGV, width do
  local id, cursor = ARGV[i], ARGV[i + 1]
  if cursor == '' then
    redis.call('ZREM', next, id)
  elseif redis.call('HGET', sched, id) == cursor then
    for _, hash in ipairs({sched, paused, fails, runs}) do redis.call('HDEL', hash, id) end
    redis.call('ZREM', next, id)
    forgotten = forgotten + 1
  end
end
if settled == '1' then redis.call('HSET', gen, 'settled', config) end
return forgotten
