-- gather: begin a group; its members are queued after it.
-- KEYS members HASH of the group: `#`, how many there are; `>`, what follows; the ids of those that are done
-- KEYS groups ZSET group → when it was made, ms
-- ARGV name text the group
-- ARGV total int how many members there are
-- ARGV keep_ms int for how long the result of what follows is kept, 0: not at all
-- ARGV record bytes what follows, or ''
-- ARGV ttl_ms int a group that is open for so long is forgotten
-- MOVES none
-- RETURNS 1, or 0 when it has begun before
local members, groups = KEYS[1], KEYS[2]
local name, total, keep_ms, record, ttl_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
redis.call('ZCARD', groups)
if redis.call('HEXISTS', members, '#') == 1 then return 0 end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('HSET', members, '#', total .. ' ' .. keep_ms .. ' ' .. name, '>', record)
redis.call('PEXPIRE', members, ttl_ms)
redis.call('ZREMRANGEBYSCORE', groups, '-inf', now - ttl_ms)
redis.call('ZADD', groups, now, name)
return 1
