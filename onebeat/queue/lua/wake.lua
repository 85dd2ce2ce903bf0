-- wake: a lock is free again: the message that is parked longest for it goes to the front.
-- KEYS ready[4] LIST records by priority
-- KEYS due ZSET id → due ms
-- KEYS duerec HASH id → delayed record
-- KEYS parked ZSET lock or key, place and id of what waits for a lock, a slot or a token, in the order of its turn
-- KEYS parkedof HASH id → its member of parked
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- ARGV lock text the lock's field
-- MOVES PROMOTE
-- RETURNS the id that was woken, or ''
local ready = {KEYS[1], KEYS[2], KEYS[3], KEYS[4]}
local due, duerec, parked, parkedof, bell, stats = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local lock = ARGV[1]

-- Foreign bytes must not end up nowhere: without a usable priority they go last.
local function list_of(record) return ready[(string.byte(record, 5) or 3) + 1] or ready[4] end

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
redis.call('ZCARD', due); redis.call('HLEN', duerec); redis.call('ZCARD', bell); redis.call('HLEN', stats)
local parks = redis.call('HLEN', parkedof) > 0
local first = redis.call('ZRANGEBYLEX', parked, '[' .. lock .. ' ', '(' .. lock .. '!', 'LIMIT', 0, 1)[1]
if not first then return '' end

-- include line

local id = string.match(first, '(%S+)$')
local record = redis.call('HGET', duerec, id)
unparked(id)
if not record then return '' end
redis.call('ZREM', due, id); redis.call('HDEL', duerec, id)
redis.call('LPUSH', list_of(record), record)
redis.call('HINCRBY', stats, 'woken', 1)
redis.call('ZADD', bell, 0, '*')
return id
