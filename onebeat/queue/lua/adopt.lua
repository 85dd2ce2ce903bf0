-- adopt: say what this beat runs, and learn whether it is the newest.
-- KEYS gen HASH configuration → generation, `top`, the newest, `made`, the revision of what programs made, and `born`, when this hash was, µs
-- KEYS seen ZSET configuration → when a beat last ran it, ms
-- ARGV config text hash of the configuration that this beat runs
-- ARGV stale_ms int a configuration that no beat ran for so long gives way
-- ARGV revision text of the schedules that programs made and this beat knows, '' when it asks for those of a file
-- MOVES none
-- RETURNS now ms | 1 when it is the newest, else 0 | the generation of this configuration | the newest revision | born
local gen, seen = KEYS[1], KEYS[2]
local config, stale_ms, revision = ARGV[1], tonumber(ARGV[2]), ARGV[3]
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
-- Only forwards: a beat that was stopped since it read an older revision must not bring it back.
local made = redis.call('HGET', gen, 'made') or '0'
if revision ~= '' and top == config and tonumber(revision) > tonumber(made) then
  redis.call('HSET', gen, 'made', revision)
  made = revision
end
-- A store that lost its data is told from the one before: what that one was asked must not begin anything in this.
local born = redis.call('HGET', gen, 'born')
if not born then
  born = t[1] .. string.sub('00000' .. t[2], -6)
  redis.call('HSET', gen, 'born', born)
end
local current = top == config and (revision == '' or made == revision)
return {string.format('%.0f', now), current and 1 or 0, mine, made, born}
