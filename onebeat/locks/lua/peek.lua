-- peek: who holds the lock, since when, and how many wait?
-- KEYS owner STRING token of the holder
-- KEYS state HASH fence, tickets, holder; outlives the owner
-- KEYS queue ZSET token of a waiter → its ticket
-- MOVES none
-- RETURNS token or empty | ms left of its lease | fence | JSON of the holder | since, ms | how many wait | now, ms
local owner, state, queue = KEYS[1], KEYS[2], KEYS[3]
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local seen = redis.call('HMGET', state, 'fence', 'holder', 'since')
local held = redis.call('GET', owner) or ''
return {held, redis.call('PTTL', owner), seen[1] or '0', seen[2] or '', seen[3] or now, redis.call('ZCARD', queue), now}
