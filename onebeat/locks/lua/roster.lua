-- roster: who has a share, and how many wait?
-- KEYS permits ZSET token of who is in → end of its lease, ms
-- KEYS holders HASH token of who is in → its fence and JSON about it, for people
-- KEYS state HASH fence, tickets, who is in alone; outlives the permits
-- KEYS queue ZSET token of a waiter → its ticket
-- MOVES none
-- RETURNS how many wait, how many are in, last fence, now, ms | then of the first: token, ms left, fence and JSON
local permits, holders, state, queue = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local SHOWN = 64
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local after = '(' .. string.format('%.0f', now)
local found = redis.call('ZRANGEBYSCORE', permits, after, '+inf', 'WITHSCORES', 'LIMIT', 0, SHOWN)
redis.call('HLEN', holders)
local fence = redis.call('HGET', state, 'fence') or '0'
local rows = {redis.call('ZCARD', queue), redis.call('ZCOUNT', permits, after, '+inf'), fence, string.format('%.0f', now)}
for i = 1, #found, 2 do
  rows[#rows + 1] = found[i]
  rows[#rows + 1] = string.format('%.0f', found[i + 1] - now)
  rows[#rows + 1] = redis.call('HGET', holders, found[i]) or ''
end
return rows
