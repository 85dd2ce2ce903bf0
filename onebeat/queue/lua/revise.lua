-- revise: say which revision of the schedules that programs made counts here, and forget some of them.
-- KEYS gen HASH configuration → generation, `top`, the newest, and `made`, the revision of what programs made
-- KEYS sched HASH schedule id → cursor
-- KEYS next ZSET schedule id → next nominal ms
-- KEYS paused HASH schedule id → until when, ms (0: for good), and why
-- KEYS fails HASH schedule id → its runs that failed in a row
-- KEYS runs HASH schedule id → its fires so far, where a limit counts them
-- ARGV revision text from now on no beat that knows an older one emits, or enrols, what programs made
-- ARGV ...ids[id] schedules whose state is forgotten
-- MOVES none
-- RETURNS 1, or 0 when a newer revision counts already and nothing was done
local gen, sched, next, paused, fails, runs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local revision = ARGV[1]
local ids = 2
for _, hash in ipairs({sched, paused, fails, runs}) do redis.call('HLEN', hash) end
redis.call('ZCARD', next)
-- What a newer revision made under the same id must keep its state.
if tonumber(redis.call('HGET', gen, 'made') or '0') > tonumber(revision) then return 0 end
redis.call('HSET', gen, 'made', revision)
for i = ids, #ARGV do
  for _, hash in ipairs({sched, paused, fails, runs}) do redis.call('HDEL', hash, ARGV[i]) end
  redis.call('ZREM', next, ARGV[i])
end
return 1
