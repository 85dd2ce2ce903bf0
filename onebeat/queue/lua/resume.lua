-- resume: let a paused schedule fire again; what it missed stays skipped.
-- KEYS paused HASH schedule id → until when, ms (0: for good), and why
-- KEYS fails HASH schedule id → its runs that failed in a row
-- KEYS log STREAM events
-- ARGV schedule text its id
-- ARGV line text the event
-- ARGV log_max int entries that the log keeps
-- MOVES none
-- RETURNS 1, or 0 when it was not paused
local paused, fails, log = KEYS[1], KEYS[2], KEYS[3]
local schedule, line, log_max = ARGV[1], ARGV[2], ARGV[3]
redis.call('XLEN', log); redis.call('HLEN', fails)
if redis.call('HDEL', paused, schedule) == 0 then return 0 end
redis.call('HDEL', fails, schedule)
redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', line)
return 1
