-- pause: hold a schedule's fires back, for good or until a time.
-- KEYS paused HASH schedule id → until when, ms (0: for good), and why
-- KEYS log STREAM events
-- ARGV schedule text its id
-- ARGV until_ms int fires before this are skipped; 0: until it is resumed
-- ARGV why text for people
-- ARGV line text the event
-- ARGV log_max int entries that the log keeps
-- MOVES none
-- RETURNS 1, or 0 when it was paused like this already
local paused, log = KEYS[1], KEYS[2]
local schedule, until_ms, why, line, log_max = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
redis.call('XLEN', log)
local entry = until_ms .. ' ' .. why
if redis.call('HGET', paused, schedule) == entry then return 0 end
redis.call('HSET', paused, schedule, entry)
redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', line)
return 1
