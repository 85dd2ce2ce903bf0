-- peek: who holds the lock, since when, and how many wait?
-- KEYS owner STRING token of the holder
-- KEYS state HASH fence, tickets, holder; outlives the owner
-- KEYS queue ZSET token of a waiter → its ticket
-- MOVES none
-- RETURNS token or empty | ms left of its lease | fence | JSON of the holder | since, ms | how many wait | now, ms
local owner, state, queue = KEYS[1], KEYS[2], KEYS[3]
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local held = redis.call('GET', owner) or ''
local seen = redis.call('HMGET', state, 'fence', 'holder', 'over')
local fence, over = seen[1] or '0', seen[3] or ''
-- Who gave it back is known until another comes, but holds it no more; unless it stays shut for a while.
local gone = string.sub(over, 2, #fence + 1) == fence and string.sub(held, -5) ~= ':over'
local since, who = string.match(gone and '' or seen[2] or '', '^(%d+)%d%d%d,(.*)$')
return {held, redis.call('PTTL', owner), fence, who or '', since or now, redis.call('ZCARD', queue), now}
