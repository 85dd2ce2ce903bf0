-- halt: let nothing of a queue be claimed, for good or until a time; or let it go on.
-- KEYS halt STRING until when nothing is claimed, ms (0: until it is resumed), and why
-- KEYS bell ZSET wakes one idle worker
-- KEYS log STREAM events
-- ARGV until_ms int nothing is claimed before this; 0: until it is resumed; -1: let it go on
-- ARGV why text for people: JSON with who, reason and since_ms
-- ARGV line text the event
-- ARGV log_max int entries that the log keeps
-- MOVES none
-- RETURNS 1, or 0 when it was so already
local halt, bell, log = KEYS[1], KEYS[2], KEYS[3]
local until_ms, why, line, log_max = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('ZCARD', bell); redis.call('XLEN', log)
local before, entry = redis.call('GET', halt), until_ms .. ' ' .. why
if until_ms == '-1' then
  if not before then return 0 end
  redis.call('DEL', halt)
  redis.call('ZADD', bell, 0, '*')
else
  if before == entry then return 0 end
  redis.call('SET', halt, entry)
end
redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', line)
return 1
