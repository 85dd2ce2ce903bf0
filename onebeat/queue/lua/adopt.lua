-- adopt: say which configuration this beat runs, and learn whether it is the newest.
-- KEYS gen HASH configuration → generation, and `top`, the newest
-- KEYS seen ZSET configuration → when a beat last ran it, ms
-- ARGV config text hash of the configuration that this beat runs
-- ARGV stale_ms int a configuration that no beat ran for so long gives way
-- MOVES none
-- RETURNS now ms | 1 when it is the newest, else 0 | the generation of this configuration
local gen, seen = KEYS[1], KEYS[2]
local config, stale_ms = ARGV[1], tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZCARD', seen)
local top = redis.call('HGET', gen, 'top')
local mine = tonumber(redis.call('HGET', gen, config) or '0')
local newest = top and tonumber(redis.call('HGET', gen, top) or '0') or 0
local idle_ms = top and now - tonumber(redis.call('ZSCORE', seen, top) or '0') or 0

-- A configuration never seen before is a deploy: it takes over. One seen before (a restart of an old
-- container in a rolling deploy) waits until nobody runs the newest any more (a roll back).
if top ~= config and (mine == 0 or idle_ms > stale_ms) then
  mine = newest + 1
  redis.call('HSET', gen, config, mine, 'top', config)
  top = config
end
redis.call('ZADD', seen, now, config)
for _, old in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now - 2592000000, 'LIMIT', 0, 16)) do
  if old ~= top then
    redis.call('ZREM', seen, old)
    redis.call('HDEL', gen, old)
  end
end
return {string.format('%.0f', now), top == config and 1 or 0, mine}
