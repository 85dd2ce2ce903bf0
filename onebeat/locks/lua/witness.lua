-- witness: remember the fence that a majority of servers gave to who holds the lock here too.
-- KEYS owner STRING token of the holder
-- KEYS state HASH fence, tickets, holder; outlives the owner
-- KEYS born STRING when this server's data began, ms
-- ARGV token text whose hold
-- ARGV fence int the highest one that a member of the majority gave
-- MOVES none
-- RETURNS 1 when the token holds the lock, else 0 | for how many ms this server has had its data
local owner, state, born = KEYS[1], KEYS[2], KEYS[3]
local token, fence = ARGV[1], ARGV[2]
local STATE_MS = 2592000000
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local mine = redis.call('GET', owner) == token
local seen = redis.call('HGET', state, 'fence')
local since = redis.call('GET', born)
if not since then
  since = string.format('%.0f', now)
  redis.call('SET', born, since)
end
if mine and tonumber(fence) > tonumber(seen or '0') then
  redis.call('HSET', state, 'fence', fence)
  redis.call('PEXPIRE', state, STATE_MS)
end
return {mine and 1 or 0, now - tonumber(since)}
